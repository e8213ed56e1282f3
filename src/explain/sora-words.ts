import type { Bilingual } from '../reproduce/reproduction.ts'

/** What is told of a step beside its numbers. */
export interface StepWords {
  readonly figure: string // of the article
  readonly title: Bilingual
  readonly formula: string
  /** The real modules that the step stands for. */
  readonly modules: readonly { readonly name: string; readonly file: string }[]
  /** How the real one differs; absent where it does the same. */
  readonly correction?: Bilingual
}

/** The words of the fourteen steps, in their order. */
export const soraStepWords: readonly StepWords[] = [
  {
    figure: '5-20',
    title: { en: 'A training video of four frames', zh: '一段 4 帧的训练视频' },
    formula: 'video [T, H, W] = [4, 2, 2]',
    modules: [
      { name: 'paintMovingScene', file: 'src/data/moving-shapes.ts' },
      { name: 'loadClips', file: 'src/data/clips.ts' },
    ],
  },
  {
    figure: '5-20',
    title: { en: 'Frames become patches, one a column', zh: '帧变成小块，每块一列' },
    formula: 'p [H · W, T]',
    modules: [{ name: 'patches', file: 'src/nn/patches.ts' }],
    correction: {
      en: 'The real order is the other way round: the whole clip is compressed first, and the patches are cut from its latents.',
      zh: '真实的次序相反：先压缩整段视频，再从 latent 里切小块。',
    },
  },
  {
    figure: '5-20',
    title: { en: 'The visual encoder makes latents', zh: '视觉编码器得到 latent' },
    formula: 'z = ReLU(We p + be)',
    modules: [{ name: 'videoEncoder', file: 'src/models/video-vae.ts' }],
    correction: {
      en: 'No ReLU after the encoder: latents are signed, and normalised to mean 0 and deviation 1. What ReLU cuts off is lost.',
      zh: '编码器之后没有 ReLU：latent 有正有负，并归一化为均值 0、标准差 1。被 ReLU 截掉的信息就丢失了。',
    },
  },
  {
    figure: '5-20',
    title: { en: 'Noise is added', zh: '加入噪声' },
    formula: 'x = z + ε',
    modules: [{ name: 'flowLoss', file: 'src/diffusion/flow-loss.ts' }],
    correction: {
      en: 'Data and noise are weighted by the time: xₜ = (1 − t) z + t ε, or √ᾱ z + √(1 − ᾱ) ε in DDPM.',
      zh: '数据和噪声按时刻加权：xₜ = (1 − t) z + t ε；在 DDPM 里是 √ᾱ z + √(1 − ᾱ) ε。',
    },
  },
  {
    figure: '5-21',
    title: { en: 'Step 3 as binary digits, beside the text', zh: '第 3 步写成二进制，与文本放在一起' },
    formula: 'c = (text, bits of t)',
    modules: [{ name: 'timestepEmbedding', file: 'src/nn/timestep.ts' }],
    correction: {
      en: 'The time becomes sines and cosines of many wavelengths, then an MLP; the text stays a sequence of states. The article multiplies the two; they only stand one above the other, and step 6 multiplies.',
      zh: '时刻变成多种波长的正弦和余弦，再过一个 MLP；文本一直是一串状态。文章说两者相乘，其实只是上下拼在一起，相乘在第 6 步。',
    },
  },
  {
    figure: '5-21',
    title: { en: 'Scale and shift are computed from the condition', zh: '由条件算出 scale 和 shift' },
    formula: '(scale, shift) = Wc c + bc',
    modules: [{ name: 'conditioning', file: 'src/models/sora.ts' }],
    correction: {
      en: 'It is no mask but a linear layer, and a third vector is missing: the gate of adaLN-Zero, which starts at 0. Each block has its own offsets.',
      zh: '这不是 mask，而是一个线性层；还少了第三个向量：adaLN-Zero 的 gate，从 0 开始。每个块还有自己的偏移。',
    },
  },
  {
    figure: '5-21',
    title: { en: 'The noised latents are scaled and shifted', zh: '对加噪的 latent 缩放和平移' },
    formula: 'y = x · scale + shift',
    modules: [{ name: 'modulate', file: 'src/models/dit-blocks.ts' }],
    correction: {
      en: 'This is modulation (adaLN), not cross-attention: norm(x) · (1 + scale) + shift; of two numbers the norm keeps nothing but their order. Cross-attention is softmax(Q Kᵀ / √d) V with K and V of the text.',
      zh: '这是调制（adaLN），不是交叉注意力：norm(x) · (1 + scale) + shift；只有两个数时，归一化后只剩大小次序。交叉注意力是 softmax(Q Kᵀ / √d) V，K 和 V 来自文本。',
    },
  },
  {
    figure: '5-22',
    title: { en: 'Queries meet keys', zh: '查询与键相乘' },
    formula: 'A = (Wq y)ᵀ (Wk y)',
    modules: [{ name: 'attend', file: 'src/nn/attention.ts' }],
    correction: {
      en: 'The scores are divided by √d and go through softmax, so that each row is a mean.',
      zh: '分数要除以 √d 再过 softmax，这样每一行才是加权平均的权重。',
    },
  },
  {
    figure: '5-22',
    title: { en: 'Each patch becomes a weighted sum of all', zh: '每个小块变成全部小块的加权和' },
    formula: 'm = y Aᵀ',
    modules: [{ name: 'attend', file: 'src/nn/attention.ts' }],
    correction: {
      en: "Steps 8 and 9 together are self-attention, with values V = Wv y: together softmax(Q Kᵀ / √d) V. It is not NaViT's pooling, which makes one vector of a whole picture, once, after the last block.",
      zh: '第 8、9 步合起来就是自注意力，其中 V = Wv y，合起来是 softmax(Q Kᵀ / √d) V。它不是 NaViT 的池化；那种池化在最后一个块之后，把整张图变成一个向量，只做一次。',
    },
  },
  {
    figure: '5-22',
    title: { en: 'The feed-forward network predicts the noise', zh: '前馈网络预测噪声' },
    formula: 'ε̂ = Wf m + bf',
    modules: [{ name: 'wanBlock', file: 'src/models/sora.ts' }],
    correction: {
      en: 'Two layers with GELU between, in each of many blocks with residual paths; the last layer predicts the velocity ε − z.',
      zh: '是两层、中间有 GELU，在许多带残差的块里各有一个；最后一层预测的是速度 ε − z。',
    },
  },
  {
    figure: '5-23',
    title: { en: 'Loss: predicted noise against the noise', zh: '损失：预测的噪声与真实噪声之差' },
    formula: 'loss = mean((ε̂ − ε)²)',
    modules: [{ name: 'flowLoss', file: 'src/diffusion/flow-loss.ts' }],
    correction: {
      en: "The real loss compares velocities, v̂ with ε − z; noise with noise is DDPM's loss (`ddpmLoss`).",
      zh: '真实的损失比较的是速度：v̂ 与 ε − z；噪声与噪声相比是 DDPM 的损失（`ddpmLoss`）。',
    },
  },
  {
    figure: '5-23',
    title: { en: 'The noise is taken away', zh: '减去噪声' },
    formula: 'ẑ = x − ε̂',
    modules: [
      { name: 'sample', file: 'src/diffusion/sample.ts' },
      { name: 'flowEuler', file: 'src/diffusion/flow.ts' },
    ],
    correction: {
      en: 'Not in one go: a loop from t = 1 to 0, with a new prediction and guidance at each step, x ← x + (t′ − t) v. In DDPM: x̂₀ = (xₜ − √(1 − ᾱ) ε̂) / √ᾱ, then the posterior.',
      zh: '不是一次减完：从 t = 1 到 0 循环，每一步重新预测并加引导，x ← x + (t′ − t) v。DDPM 里：x̂₀ = (xₜ − √(1 − ᾱ) ε̂) / √ᾱ，再取后验。',
    },
  },
  {
    figure: '5-23',
    title: { en: 'The visual decoder makes patches', zh: '视觉解码器得到小块' },
    formula: 'p̂ = ReLU(Wd ẑ + bd)',
    modules: [{ name: 'videoDecoder', file: 'src/models/video-vae.ts' }],
    correction: {
      en: 'No ReLU here either: the output lies in [−1, 1], where 0 is grey.',
      zh: '这里同样没有 ReLU：输出在 [−1, 1]，0 表示灰色。',
    },
  },
  {
    figure: '5-23',
    title: { en: 'Patches become frames again', zh: '小块重新排成帧' },
    formula: 'video′ [T, H, W]',
    modules: [
      { name: 'unpatch', file: 'src/nn/patches.ts' },
      { name: 'clipFromPlanes', file: 'src/generate/frames.ts' },
    ],
  },
]
