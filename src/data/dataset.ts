import { join } from 'node:path'
import { z } from 'zod'
import { captionLanguages, conceptSchema } from './captions.ts'
import { styles } from './drawings.ts'
import { readJsonAs } from './json.ts'

/** The form of `KEY.json`, one sample's metadata. */
export const sampleSchema = conceptSchema.extend({
  kind: z.enum(['clip', 'still']),
  /** How it is drawn; a person's own picture has no style. */
  style: z.enum(styles).optional(),
  /** The file that a person's own picture was made of, from its folder. */
  file: z.string().optional(),
  split: z.enum(['train', 'held-out']),
  /** All that is known of what a made picture shows, such as the scene of shapes or the digit. */
  labels: z.unknown().optional(),
  width: z.int().positive(),
  height: z.int().positive(),
  frames: z.int().positive(),
  /** Frames a second, so that a loop lasts as long as its source; 0 for a still. */
  fps: z.number().nonnegative(),
  sourceFrames: z.int().positive(),
  sourceFps: z.number().nonnegative(),
  /** How long the loop lasts in milliseconds; 0 for a still. */
  durationMs: z.number().nonnegative(),
})

/** What is known of a sample besides its pixels. */
export type SampleMeta = z.infer<typeof sampleSchema>

const skippedSchema = z.array(z.object({ name: z.string(), reason: z.string() }))

/** The form of one entry of `shards` in the index, and of a line in the journal of a build. */
export const shardSchema = z.object({
  file: z.string().regex(/^[\w.-]+$/),
  style: z.enum(styles).optional(),
  kind: z.enum(['clip', 'still']),
  samples: z.int().nonnegative(),
  train: z.int().nonnegative(),
  heldOut: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  sha256: z.string(),
  /** Drawings that belong here and could not be decoded. */
  skipped: skippedSchema,
})

/** One tar file of a data set. */
export type Shard = z.infer<typeof shardSchema>

const countsSchema = z.object({
  samples: z.int(),
  clips: z.int(),
  stills: z.int(),
  train: z.int(),
  heldOut: z.int(),
  bytes: z.int(),
})

/** The form of `dataset.json`. */
export const datasetSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  size: z.int().positive(),
  frames: z.int().positive(),
  quality: z.union([z.number(), z.literal('lossless')]),
  alphaQuality: z.number(),
  languages: z.array(z.enum(captionLanguages)),
  /** SHA-256 of the options, the packages and the list of samples: equal builds have equal fingerprints. */
  fingerprint: z.string(),
  counts: countsSchema,
  packages: z.array(
    z.object({ name: z.string(), version: z.string(), integrity: z.string(), licence: z.string(), author: z.string() }),
  ),
  /** Versions of what encoded the pictures. */
  tools: z.record(z.string(), z.string()),
  shards: z.array(shardSchema),
  /** Files of the packages that belong to no shard: names or concepts without a caption. */
  skipped: skippedSchema,
})

/** The index of a data set folder. */
export type Dataset = z.infer<typeof datasetSchema>

/** Reads the index of a data set folder; throws TubeletError('input') when there is none or it does not fit. */
export function readDataset(dir: string): Promise<Dataset> {
  return readJsonAs(join(dir, 'dataset.json'), datasetSchema)
}
