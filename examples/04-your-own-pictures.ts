/** What a picture shows, by labels of your own, and which pictures of a folder are nearest to words or to a picture. */
import { pipeline } from 'tubelet/node'

const model = 'models/emoji-video' // its CLIP has seen emoji alone
await using classify = await pipeline('zero-shot-image-classification', model)
for (const labels of [
  ['duck', 'tractor', 'red heart'],
  ['鸭子', '拖拉机', '红心'],
]) {
  const [{ label, score }] = await classify('docs/pictures/4.webp', labels)
  console.log(`${label}: ${score.toFixed(2)}`)
}

await using search = await pipeline('image-search', model)
const byWords = await search('tractor', { in: 'docs/pictures', top: 2 })
const byPicture = await search({ picture: 'docs/pictures/0.webp' }, { in: 'docs/pictures', top: 2 })
for (const { results } of [byWords, byPicture])
  console.log(results.map(({ path, score }) => `${path} ${score.toFixed(2)}`).join('  '))
