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
