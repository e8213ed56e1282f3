import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'
import { readSafetensors, readWeights } from '../files/checkpoint.ts'
import { isThere, readJson } from '../files/disk.ts'
import { type Verification, verifyModel } from '../generate/verify.ts'
import { verifyScheduler } from '../generate/verify-scheduler.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { number } from './arguments.ts'
import { command, exitCodes, type Shell } from './command.ts'
import { table } from './text.ts'

/** `tubelet verify DIR`: whether a model or scheduler of a published class gives the answers that lie beside it. */
export const verifyCommand = command({
  define: (command, t) =>
    command
      .argument('<dir>', t('verify.dir'))
      .option('--tolerance <x>', t('verify.tolerance'), number(t, { min: 0 }), 1e-4),

  async run([dir], { tolerance }, shell) {
    const { className, outputs } = await verifyFolder(shell.path(dir))
    const passed = outputs.every(({ error }) => error <= tolerance) // NaN is not
    const text = report({ className, outputs }, tolerance, shell)
    shell.result({ class: className, tolerance, passed, outputs }, text)
    return passed ? exitCodes.done : exitCodes.unmet
  },
})

/** Verifies the model or scheduler in a folder against its `expected.safetensors`, on the CPU. */
async function verifyFolder(dir: string): Promise<Verification> {
  if (!(await isThere(join(dir, 'expected.safetensors')))) throw new TubeletError('input', await lackOf(dir))
  const answers = async (): Promise<NamedArrays> => (await readSafetensors(join(dir, 'expected.safetensors'))).arrays
  if (await isThere(join(dir, 'scheduler_config.json'))) {
    const config = await readJson(join(dir, 'scheduler_config.json'))
    return verifyScheduler({ config, expected: await answers(), steps: await stepsOf(join(dir, 'case.json')) })
  }
  const config = await readJson(join(dir, 'config.json'))
  const { arrays: weights } = await readWeights(dir)
  return verifyModel({ config, weights, expected: await answers() }, nodeRuntime())
}

/** What is wrong with a folder that holds no answers. */
async function lackOf(dir: string): Promise<string> {
  if (!(await isThere(dir))) return `cannot read ${dir}: no such file or folder`
  if (await isThere(join(dir, 'model_index.json'))) return `${dir}: a whole pipeline; verify one of the folders in it`
  return `${dir}: no expected.safetensors in it, with the tensors input.NAME that the model is given and output.NAME that it must answer`
}

/** Steps of a stored run, where a file tells them. */
async function stepsOf(file: string): Promise<number | undefined> {
  if (!(await isThere(file))) return undefined
  const { steps } = Object(await readJson(file)) as { steps?: unknown }
  if (steps === undefined || (Number.isSafeInteger(steps) && (steps as number) > 0)) return steps as number | undefined
  throw new TubeletError('input', `${file}: 'steps' is ${JSON.stringify(steps)}; it must be a whole number above 0`)
}

function report({ className, outputs }: Verification, tolerance: number, { t, paint }: Shell): string {
  const rows = outputs.map(({ name, shape, error }) => [name, `[${shape.join(', ')}]`, error.toExponential(1)])
  const over = outputs.filter(({ error }) => !(error <= tolerance)).map(({ name }) => name)
  const verdict =
    over.length === 0
      ? paint.green(t('verify.passed', { tolerance }))
      : paint.red(t('verify.failed', { tolerance, names: over.join(', ') }))
  return [className, table([t('verify.output'), t('verify.shape'), t('verify.error')], rows), verdict].join('\n')
}
