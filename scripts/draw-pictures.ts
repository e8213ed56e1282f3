import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import sharp from 'sharp'

// Draws every picture of the documentation that the shipped model makes, or those of another model for a comparison:
//   node --import tsx scripts/draw-pictures.ts [MODEL [FOLDER]]

const [model = 'models/emoji-video', out = 'docs'] = process.argv.slice(2)
const tubelet = (...args: string[]) =>
  execFileSync(process.execPath, ['dist/cli/bin.js', ...args], { stdio: 'inherit' })
const generate = (...args: string[]) => tubelet('generate', '-m', model, '-s', '1', ...args)
const given = (name: string) => `${out}/pictures/sora/${name}` // what the clips of sora are drawn from
const sora = (name: string, prompt: string, ...args: string[]) =>
  generate(prompt, ...args, '-o', `${out}/pictures/sora/${name}.webp`)

for (const folder of ['prompts', 'pictures/sora']) await mkdir(`${out}/${folder}`, { recursive: true })
generate('--prompts', 'docs/prompts/outside-the-data.txt', '-o', `${out}/prompts/{index}.webp`)
generate('--prompts', 'docs/pictures/prompts.txt', '-o', `${out}/pictures/{index}.webp`)
const heart = `${out}/pictures/0.webp`
const { delay = [] } = await sharp(heart, { animated: true }).metadata()
for (const [name, page, pages] of [
  ['part.webp', 0, 9],
  ['front.webp', 0, 6],
  ['end.webp', 11, 6],
] as const) {
  const frames = sharp(heart, { page, pages })
  await frames.webp({ lossless: true, delay: delay.slice(page, page + pages) }).toFile(given(name))
}
sora('image', 'a beating heart', '--image', heart)
sora('extend', 'a beating heart', '--extend', given('part.webp'))
sora('back', 'a beating heart', '--extend', given('part.webp'), '--back')
sora('loop', 'a beating heart', '--loop', given('part.webp'))
sora('between', 'a beating heart', '--between', given('front.webp'), given('end.webp'))
sora('strength', 'a blue heart', '--image', heart, '--strength', '0.9')
const [face, mask] = ['face.png', 'mask.png'].map((name) => `docs/pictures/sora/${name}`)
sora('mask', 'smiling face with sunglasses', '--image', face, '--mask', mask)
tubelet('explain', 'attention', `${out}/pictures/3.webp`, '-o', `${out}/pictures/attention.webp`)
