export type { CaptionDetail } from './data/captions.ts'
export {
  type LabelledPictures,
  type NoisyBatch,
  type NoisyBatchOptions,
  noisyBatches,
  rowsOf,
} from './data/labelled-pictures.ts'
export { type LabelledPlanes, type LabelledRowsOptions, labelledRows } from './data/labelled-rows.ts'
export { type Component, type GaussianMixture, gaussianMixture, hillsOnCircle, type Moments } from './data/mixture.ts'
export {
  captionMovingScene,
  directions,
  drawMovingScene,
  type MotionEvent,
  type MovingScene,
  paintMovingScene,
  positionAt,
  speeds,
} from './data/moving-shapes.ts'
export { type DropRate, drawRate, drawSide, keptTokens, type SideOptions, sizeAt } from './data/native-size.ts'
export { filled, type PackOptions, pack } from './data/pack.ts'
export { type PackedRows, type Planes, packPatches, perSlot, perToken, tokenWeights } from './data/pack-patches.ts'
export type { Attributes } from './data/prompts.ts'
export { type CaptionPair, type RelabelOptions, relabel } from './data/relabel.ts'
export { cropToDrawn, resizeClip } from './data/resize.ts'
export { captionShapes } from './data/shape-captions.ts'
export { type ShapePicturesOptions, shapePictures } from './data/shape-pictures.ts'
export {
  drawScene,
  type PlacedShape,
  paintShapes,
  placedShapes,
  type ShapeColour,
  type ShapeGroup,
  type ShapeKind,
  type ShapeScene,
  type ShapeSize,
  shapeColours,
  shapeKinds,
  shapePlaces,
  shapeSizes,
} from './data/shapes.ts'
export { type Tokenizer, tokenizer } from './data/tokenizer.ts'
export { fromTokenizerJson, toTokenizerConfig, toTokenizerJson } from './data/tokenizer-file.ts'
export { trainTokenizer } from './data/tokenizer-train.ts'
export { knownWords } from './data/words.ts'
export { type DDPMConfig, ddpmConfig, diffuse } from './diffusion/ddpm.ts'
export { type DDPMInputs, type DDPMLoss, ddpmLoss } from './diffusion/ddpm-loss.ts'
export { logitNormalTimes } from './diffusion/flow.ts'
export { flowLoss } from './diffusion/flow-loss.ts'
export { sample } from './diffusion/sample.ts'
export { alphaBars } from './diffusion/schedule.ts'
export { schedulerFromConfig } from './diffusion/scheduler.ts'
export { type ErrorCode, TubeletError } from './errors.ts'
export type { Matrix } from './explain/sora-steps.ts'
export { type NamedMatrix, type SoraStep, soraTrace } from './explain/sora-trace.ts'
export type { StepWords } from './explain/sora-words.ts'
export { type AutoencodingOptions, autoencoding } from './generate/autoencoding.ts'
export { type Bits, type BitsOptions, bitsPerDimension } from './generate/bits-per-dimension.ts'
export { type ChatExpanderOptions, chatExpander } from './generate/chat-expander.ts'
export { type DenoisingOptions, denoising, type Told } from './generate/denoising.ts'
export { type DrawSamplesOptions, drawSamples } from './generate/draw-samples.ts'
export { type Denoiser, type GuidedDenoiserOptions, guidedDenoiser } from './generate/guided-denoiser.ts'
export { latentsToPixels, type PixelDecoder } from './generate/latents-to-pixels.ts'
export { type NoiseErrorOptions, noiseError } from './generate/noise-error.ts'
export { type PackedClassifier, packedLogits } from './generate/packed-logits.ts'
export { type PromptExpander, shapeExpander } from './generate/prompt-expander.ts'
export { type ImageParts, imagePipeline, type TextToImage } from './generate/text-to-image.ts'
export { type ZeroShotOptions, zeroShotClasses } from './generate/zero-shot.ts'
export { constant, type DType, input, type Shape, ShapeError, type Tensor, withBlock } from './graph/index.ts'
export { activeUnits } from './metrics/active-units.ts'
export { type ClassScore, type ClassScores, classScores } from './metrics/class-scores.ts'
export { frechet } from './metrics/frechet.ts'
export { attentionRollout, classTokenMap } from './models/attention-rollout.ts'
export { type CaptionerConfig, captioner, captionerConfig, captionerJson, captionLoss } from './models/captioner.ts'
export {
  type ClipConfig,
  clip as clipModel,
  clipAround,
  clipConfig,
  clipJson,
  clipLogits,
  clipLoss,
  maxLogScale,
} from './models/clip.ts'
export { type DiTConfig, dit, ditConfig, ditSizes } from './models/dit.ts'
export { type ImageEncoder, type ImageEncoderConfig, imageClassifier, imageEncoder } from './models/image-encoder.ts'
export {
  type NaViTConfig,
  navit,
  navitConfig,
  navitContrast,
  navitInputs,
  navitLoss,
  type PackedPictures,
} from './models/navit.ts'
export { type PatchDiscriminatorConfig, patchDiscriminator } from './models/patch-discriminator.ts'
export { perceptualDistance } from './models/perceptual.ts'
export { type ResNetConfig, resnet, resnetConfig } from './models/resnet.ts'
export { type PairScale, pairScale, siglipLoss } from './models/siglip.ts'
export { type WanConfig, wanConfig, wanJson, wanTransformer } from './models/sora.ts'
export { type PackedClips, packedWanTransformer } from './models/sora-packed.ts'
export { type UNetConfig, unet, unetSizes } from './models/unet.ts'
export { unetConfig, unetTextConfig } from './models/unet-config.ts'
export {
  drawLatent,
  klOf,
  klPerLatent,
  type Posterior,
  type VaeConfig,
  vae,
  vaeConfig,
  vaeLoss,
  vaeSizes,
} from './models/vae.ts'
export { vggConfig } from './models/vgg.ts'
export {
  latentFrames,
  type VideoVaeConfig,
  videoDecoder,
  videoEncoder,
  videoVaeConfig,
  videoVaeJson,
} from './models/video-vae.ts'
export { videoDecoderLoss, videoVaeLoss } from './models/video-vae-loss.ts'
export { type Classified, type ClassifiedPicture, type ViTConfig, vit, vitConfig } from './models/vit.ts'
export { type ViViTConfig, type ViViTModel, vivit, vivitConfig, vivitModels, vivitSizes } from './models/vivit.ts'
export { centralFrame, filterInflation, fromImageModel, type Inflation } from './models/vivit-init.ts'
export {
  codebookLoss,
  perplexity,
  type Quantized,
  quantize,
  type VqVaeConfig,
  vqVae,
  vqVaeConfig,
} from './models/vq-vae.ts'
export * as nn from './nn/index.ts'
export { type Init, type Params, params } from './nn/index.ts'
export { type OnnxModel, toOnnx } from './onnx/index.ts'
export * from './ops/index.ts'
export { type RandomStream, stream } from './random.ts'
export type { Bilingual, Chart, Measured, Reproduction, ReproductionContext } from './reproduce/reproduction.ts'
export { type AdversarialInputs, type AdversarialLoss, adaptiveWeight, adversarialLoss } from './train/adversarial.ts'
export {
  type ClassificationOptions,
  type ClassNetwork,
  classification,
  type LabelledBatch,
  loadClassifier,
} from './train/classification.ts'
export { type Classifier, type ClassifierOptions, type Examples, learnClassifier } from './train/classifier.ts'
export type { OptimizerConfig, TrainConfig } from './train/config.ts'
export { type Learned, learn } from './train/learn.ts'
export { constant as constantRate, trapezoid, warmupCosine } from './train/lr.ts'
export type { Recipe, RecipeContext, Run, Weights } from './train/recipe.ts'
export { type TrainEvent, type TrainState, train } from './train/train.ts'
export { type Cost, costOf } from './transform/cost.ts'
export { grad } from './transform/grad.ts'
