import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { writeSafetensors } from '../files/checkpoint.ts'
import { createRun } from '../files/run-folder.ts'

// `doctor`, `runs` and `show`: the commands that look and change nothing.

const root = await scratchFolder()

const weights = { w: { data: new Float32Array(6), shape: [2, 3] }, b: { data: new Float32Array(3), shape: [3] } }

/** A model of two parts with weights and one with settings alone. */
async function writeModel(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  const index = {
    _class_name: 'TinyPipeline',
    _diffusers_version: '0.42.1',
    vae: ['tubelet', 'VideoVae'],
    transformer: ['diffusers', 'WanTransformer3DModel'],
    scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
    safety_checker: [null, null],
  }
  await writeFile(join(path, 'model_index.json'), JSON.stringify(index))
  for (const part of ['vae', 'transformer', 'scheduler']) await mkdir(join(path, part), { recursive: true })
  await writeFile(join(path, 'scheduler', 'scheduler_config.json'), '{ "num_train_timesteps": 1000 }')
  await writeFile(join(path, 'vae', 'config.json'), '{ "_class_name": "VideoVae", "channels": [4, 8] }')
  await writeSafetensors(join(path, 'vae', 'diffusion_pytorch_model.safetensors'), weights, { dtype: 'F16' })
  await writeFile(join(path, 'transformer', 'config.json'), '{}')
  await writeSafetensors(join(path, 'transformer', 'diffusion_pytorch_model.safetensors'), { w: weights.w })
}

const plan = { name: 'tiny', config: {}, seed: 3, device: 'cpu', versions: {}, steps: 10 }

test('show lists the parts of a model with class, parameters and storage', async () => {
  const path = join(root, 'models', 'tiny')
  await writeModel(path)
  const { code, out } = await runCli(['show', 'tiny'], { cwd: root })
  assert.equal(code, 0)
  const rows = out.split('\n').map((line) => line.split(/ {2,}/))
  assert.deepEqual(rows[0], ['tiny', 'TinyPipeline'])
  assert.deepEqual(
    rows.slice(3, 5).map((row) => row.slice(0, 4)),
    [
      ['vae', 'VideoVae', '9', 'F16'],
      ['transformer', 'WanTransformer3DModel', '6', 'F32'],
    ],
  )
  assert.deepEqual(rows[5], ['scheduler', 'FlowMatchEulerDiscreteScheduler', '–', '–', '–'])
  assert.deepEqual(rows[6].slice(0, 2), ['in all', '15'])
})

test('show tells the parts of the shipped model from its settings', async () => {
  const { code, out } = await runCli(['show', 'emoji-video'])
  assert.equal(code, 0)
  for (const part of ['tokenizer', 'text_encoder', 'transformer', 'vae', 'scheduler'])
    assert.match(out, new RegExp(`^${part} `, 'm'))
  assert.doesNotMatch(out, /known_words/)
})

test('show --json --tensors gives programs everything, down to each tensor', async () => {
  await writeModel(join(root, 'models', 'json'))
  const { out } = await runCli(['show', 'models/json', '--json', '--tensors'], { cwd: root })
  const { parameters, parts } = JSON.parse(out)
  assert.equal(parameters, 15)
  assert.deepEqual(parts[0].config.channels, [4, 8])
  assert.deepEqual(parts[1].tensors, [{ name: 'w', dtype: 'F32', shape: [2, 3] }])
})

test('show reads one weights file and one published folder alike', async () => {
  const file = join(root, 'loose.safetensors')
  await writeSafetensors(file, weights)
  assert.match((await runCli(['show', 'loose.safetensors', '--tensors'], { cwd: root })).out, /^w +F32 +\[2, 3\]$/m)
  const { out } = await runCli(['show', 'test/cases/wan_vae'])
  assert.match(out, /^wan_vae +AutoencoderKLWan +621,111 +F32 +2\.5 MB$/m)
  assert.match(out, /^ {2}z_dim: 4$/m)
})

test('show tells damage and absence in one sentence with exit code 3', async () => {
  const path = join(root, 'models', 'damaged')
  await writeModel(path)
  const cases: [() => Promise<unknown>, RegExp][] = [
    [
      () => writeFile(join(path, 'vae', 'diffusion_pytorch_model.safetensors'), 'short'),
      /diffusion_pytorch_model\.safetensors/,
    ],
    [() => writeFile(join(path, 'vae', 'config.json'), '[1, '), /config\.json: not valid JSON/],
    [() => writeFile(join(path, 'model_index.json'), '{ "../vae": ["a", "B"] }'), /'\.\.\/vae' is no folder name/],
    [
      () => writeFile(join(path, 'model_index.json'), '{ "unet": ["a", "B"] }'),
      /unet: the folder of a model part is missing/,
    ],
  ]
  for (const [damage, expected] of cases) {
    await damage()
    const { code, err } = await runCli(['show', 'damaged'], { cwd: root })
    assert.match(err, expected)
    assert.equal(err.trimEnd().split('\n').length, 1)
    assert.equal(code, 3)
  }
  const { err } = await runCli(['show', 'tinny', '--lang', 'zh'], { cwd: root })
  assert.match(err, /^错误：没有模型“tinny”：没有这个文件夹；现有的模型：.*tiny/)
})

test('runs lists status, step and loss, the newest first; show tells one run and its last checkpoint', async () => {
  const folder = join(root, 'with-runs')
  assert.match((await runCli(['runs'], { cwd: root })).out, /^no runs in runs; the first one: /)
  const first = await createRun(join(folder, 'runs'), plan)
  await first.metrics({ step: 1, loss: 0.5 })
  await first.finish('failed', 'step 2: the loss is NaN')
  await new Promise((next) => setTimeout(next, 2)) // the order is by the millisecond
  await using second = await createRun(join(folder, 'runs'), plan)
  await second.metrics({ step: 4, loss: 0.25, lr: 0.001 })
  await second.checkpoint(4, writeModel)

  const { out } = await runCli(['runs'], { cwd: folder })
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).slice(0, 5))
  assert.deepEqual(rows, [
    ['run', 'status', 'step', 'loss', 'device'],
    [basename(second.path), 'running', '4/10', '0.2500', 'cpu'],
    [basename(first.path), 'failed', '1/10', '0.5000', 'cpu'],
  ])
  const { heartbeat } = second.record
  for (const [zone, hours] of [
    ['UTC', 0],
    ['Asia/Shanghai', 8],
  ] as const) {
    process.env.TZ = zone
    const there = (await runCli(['runs'], { cwd: folder })).out
    delete process.env.TZ
    const sign = new Date(Date.parse(heartbeat) + hours * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')
    assert.ok(there.split('\n')[1].endsWith(sign), `${there} in ${zone}`)
  }
  const { runs } = JSON.parse((await runCli(['runs', '--json'], { cwd: folder })).out)
  assert.deepEqual([runs[0].status, runs[1].error], ['running', 'step 2: the loss is NaN'])

  for (const name of ['last', 'runs/last', basename(second.path), second.path]) {
    const shown = (await runCli(['show', name], { cwd: folder })).out
    assert.match(shown, /^running at step 4\/10, seed 3, on cpu, begun /m)
    assert.match(shown, /^step 4 {2}loss 0\.25 {2}lr 0\.001$/m)
    assert.match(shown, /checkpoint step-000004:[\s\S]*VideoVae/)
  }
  assert.match(
    (await runCli(['show', basename(first.path)], { cwd: folder })).out,
    /the loss is NaN[\s\S]*no checkpoint yet/,
  )
  assert.equal((await runCli(['show', 'last'], { cwd: join(root, 'models') })).code, 3)
})

test('a result has colours on a terminal, and none in a file beside one', async () => {
  const here = { cwd: root, isTTY: true }
  const inFile = (await runCli(['doctor'], here)).out
  const shown = (await runCli(['doctor'], { ...here, columns: 80 })).out
  assert.deepEqual([inFile.includes('\x1b['), shown.includes('\x1b[')], [false, true])
})

test('doctor looks at everything that a first clip needs and is honest about what is absent', async () => {
  await writeModel(join(root, 'models', 'tiny'))
  const { code, out } = await runCli(['doctor', '--json'], { cwd: root, env: { PATH: '/nowhere' } })
  const report = JSON.parse(out)
  assert.equal(code, 0)
  assert.equal(report.ready, true)
  assert.equal(report.node.version, process.versions.node)
  assert.deepEqual(report.engine.devices.slice(0, 1), ['cpu'])
  assert.ok(report.memory.total >= report.memory.free && report.disk.free > 0 && report.machine.cores >= 1)
  assert.equal(report.video.version, null)
  assert.match(report.video.text, /no ffmpeg: \.webp, \.gif and \.png work; for \.mp4 /)
  assert.ok(report.models.found.some(({ name }: { name: string }) => name === 'tiny'))
  const chinese = await runCli(['doctor', '--lang', 'zh'], { cwd: root, env: { PATH: '/nowhere' } })
  assert.match(chinese.out, /^正常 {2}Node\.js/)
  assert.match(chinese.out, /可以开始了：tubelet generate/)
})
