import type { Drawing } from './caption-batch.ts'
import { type ClipOptions, type LoadedClips, loadClips } from './clips.ts'
import { readDataset } from './dataset.ts'

/** Every clip and still of some data sets, as drawings with their captions; pixels are read when they are asked for. */
export async function drawings(
  dirs: readonly string[],
  options: Pick<ClipOptions, 'size' | 'split'>,
): Promise<Drawing[]> {
  const all: Drawing[] = []
  for (const dir of dirs) {
    const { shards } = await readDataset(dir)
    for (const kind of ['clip', 'still'] as const) {
      if (!shards.some((shard) => shard.kind === kind)) continue
      all.push(...drawingsOf(await loadClips(dir, { ...options, kind })))
    }
  }
  return all
}

/** The samples of loaded clips as drawings. */
const drawingsOf = (clips: LoadedClips): Drawing[] =>
  clips.samples.map((meta, i) => ({ meta, frames: clips.frames, size: clips.size, pixels: () => clips.pixels(i) }))
