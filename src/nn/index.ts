export {
  type AttentionConfig,
  type AttentionInputs,
  type AttentionNames,
  attend,
  attention,
  causalMask,
  hideUnless,
} from './attention.ts'
export { type BatchNormConfig, batchNorm, type Updates } from './batch-norm.ts'
export { type ConvConfig, type ConvTransposeConfig, conv2d, conv3d, convTranspose2d } from './conv.ts'
export { type EmbeddingOptions, embedding } from './embedding.ts'
export { fanIn, filled, heNormal, lecunNormal, normal, ones, uniform, xavierUniform, zeros } from './init.ts'
export { type LinearOptions, linear } from './linear.ts'
export { type MlpConfig, mlp } from './mlp.ts'
export { groupNorm, layerNorm, rmsNorm } from './norm.ts'
export { detachedParams, type Init, type Numbers, type Parameter, type Params, params } from './params.ts'
export { type PatchesConfig, patches, patchGrid, unpatch, wholePatches } from './patches.ts'
export { placeChannels, placePlanes, withPlaces } from './place-planes.ts'
export { sinCosPositions } from './positions.ts'
export { type Grid, rotary, rotaryColumns, rotaryTables, tokensOf } from './rotary.ts'
export { throughTime, withinFrames } from './space-time.ts'
export { timestepEmbedding } from './timestep.ts'
