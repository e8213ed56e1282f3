import { activationNames } from './activation.ts'
import { type ConfigFields, configFields } from './config-fields.ts'
import type { UNetConfig, UNetLabels, UNetLevel, UNetTime } from './unet.ts'

const downTypes = ['DownBlock2D', 'AttnDownBlock2D', 'ResnetDownsampleBlock2D'] as const
const upTypes = ['UpBlock2D', 'AttnUpBlock2D', 'ResnetUpsampleBlock2D'] as const

/** Reads the `config.json` of a UNet2DModel. */
export function unetConfig(json: unknown): UNetConfig {
  const c = configFields('UNet2DModel', json)
  const down = levels(c, 'down', ['DownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D'])
  const up = levels(c, 'up', ['AttnUpBlock2D', 'AttnUpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'])
  if (up.length !== down.length) throw c.wrong('up_block_types', `as many as down_block_types, ${down.length}`)
  const widths = c.counts('block_out_channels', [224, 448, 672, 896], down.length)
  const groups = c.count('norm_num_groups', 32)
  const modulated = c.oneOf('resnet_time_scale_shift', ['default', 'scale_shift'], 'default') === 'scale_shift'
  return {
    channels: c.count('in_channels', 3),
    outChannels: c.count('out_channels', 3),
    widths,
    down,
    up,
    depth: c.count('layers_per_block', 2),
    middle:
      c.raw('mid_block_type') !== null && c.oneOf('mid_block_type', ['UNetMidBlock2D'], 'UNetMidBlock2D') !== null,
    middleAttention: c.flag('add_attention', true),
    middleScale: c.number('mid_block_scale_factor', 1),
    headWidth: c.raw('attention_head_dim') === null ? undefined : c.count('attention_head_dim', 8),
    groups,
    attentionGroups: c.raw('attn_norm_num_groups') ? c.count('attn_norm_num_groups') : modulated ? undefined : groups,
    eps: c.number('norm_eps', 1e-5),
    activation: c.oneOf('act_fn', activationNames, 'silu'),
    modulated,
    padding: c.raw('downsample_padding') === 0 ? 0 : c.count('downsample_padding', 1),
    time: timeOf(c),
    timeWidth: c.raw('time_embedding_dim') ? c.count('time_embedding_dim') : 4 * widths[0],
    labels: labelsOf(c),
    centred: c.flag('center_input_sample', false),
  }
}

/** Reads the `config.json` of a UNet2DConditionModel, such as those of Stable Diffusion 1 and 2. */
export function unetTextConfig(json: unknown): UNetConfig {
  const c = configFields('UNet2DConditionModel', json)
  for (const name of [
    'class_embed_type',
    'num_class_embeds',
    'addition_embed_type',
    'encoder_hid_dim',
    'encoder_hid_dim_type',
    'num_attention_heads',
    'cross_attention_norm',
    'time_cond_proj_dim',
    'time_embedding_act_fn',
    'timestep_post_act',
  ])
    c.only(name, null)
  for (const name of [
    'dual_cross_attention',
    'only_cross_attention',
    'resnet_skip_time_act',
    'class_embeddings_concat',
  ])
    c.only(name, false)
  for (const name of ['conv_in_kernel', 'conv_out_kernel']) c.only(name, 3)
  c.only('resnet_time_scale_shift', 'default')
  c.only('mid_block_type', 'UNetMidBlock2DCrossAttn')
  c.only('time_embedding_type', 'positional')
  c.only('attention_type', 'default')
  const types = (way: 'down' | 'up', fallback: readonly string[]): UNetLevel[] => {
    const plain = way === 'down' ? 'DownBlock2D' : 'UpBlock2D'
    const names = c.texts(`${way}_block_types`, [plain, `CrossAttn${plain}`], fallback)
    return names.map((name) => ({ attention: name !== plain, resample: 'conv' }))
  }
  const cross = (name: string) => new Array<string>(3).fill(`CrossAttn${name}`)
  const down = types('down', [...cross('DownBlock2D'), 'DownBlock2D'])
  const up = types('up', ['UpBlock2D', ...cross('UpBlock2D')])
  if (up.length !== down.length) throw c.wrong('up_block_types', `as many as down_block_types, ${down.length}`)
  const each = (value: number) => new Array<number>(down.length).fill(value)
  const widths = c.counts('block_out_channels', [320, 640, 1280, 1280], down.length)
  const groups = c.count('norm_num_groups', 32)
  return {
    ...{ channels: c.count('in_channels', 4), outChannels: c.count('out_channels', 4), widths, down, up },
    depth: c.count('layers_per_block', 2),
    ...{ middle: true, middleAttention: true, middleScale: c.number('mid_block_scale_factor', 1) },
    ...{ groups, attentionGroups: groups, eps: c.number('norm_eps', 1e-5) },
    activation: c.oneOf('act_fn', activationNames, 'silu'),
    modulated: false,
    padding: c.raw('downsample_padding') === 0 ? 0 : c.count('downsample_padding', 1),
    time: timeOf(c),
    timeWidth: c.raw('time_embedding_dim') ? c.count('time_embedding_dim') : 4 * widths[0],
    text: {
      width: c.count('cross_attention_dim', 1280),
      heads: c.counts('attention_head_dim', each(8), down.length), // published files keep the number of heads under this name
      depth: c.counts('transformer_layers_per_block', each(1), down.length),
      linear: c.flag('use_linear_projection', false),
    },
    centred: c.flag('center_input_sample', false),
  }
}

/** Types may carry a prefix from the time before the blocks were shared, as in UNetResDownBlock2D. */
function levels(c: ConfigFields, way: 'down' | 'up', fallback: readonly string[]): UNetLevel[] {
  const name = `${way}_block_types`
  const known: readonly string[] = way === 'down' ? downTypes : upTypes
  const types = c.texts(name, [...known, ...known.map((type) => `UNetRes${type}`)], fallback)
  const sampler = c.oneOf(`${way}sample_type`, ['conv', 'resnet'], 'conv')
  return types.map((type) => {
    const attention = type.includes('Attn')
    const byResidual = type.includes('sampleBlock') || (attention && sampler === 'resnet')
    return { attention, resample: byResidual ? 'residual' : 'conv' }
  })
}

function timeOf(c: ConfigFields): UNetTime {
  const kind = c.oneOf('time_embedding_type', ['positional', 'fourier', 'learned'], 'positional')
  if (kind === 'fourier') return { kind }
  if (kind === 'learned') return { kind, steps: c.count('num_train_timesteps') }
  return { kind, cosFirst: c.flag('flip_sin_to_cos', true), shift: c.number('freq_shift', 0) }
}

function labelsOf(c: ConfigFields): UNetLabels | undefined {
  const type = c.raw('class_embed_type')
  if (type === undefined || type === null)
    return c.raw('num_class_embeds') ? { kind: 'table', classes: c.count('num_class_embeds') } : undefined
  return { kind: c.oneOf('class_embed_type', ['timestep', 'identity']) === 'timestep' ? 'time' : 'vector' }
}
