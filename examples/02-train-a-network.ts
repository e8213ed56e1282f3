/** A small network learns to tell the inside of a circle from the rest: a model, a loss, a batch for each step, a loop. */
import {
  gelu,
  input,
  mean,
  nn,
  type Params,
  sigmoid,
  square,
  stream,
  sub,
  type TrainConfig,
  train,
  warmupCosine,
} from 'tubelet'
import { nodeRuntime } from 'tubelet/node'

const batch = 128

function network(p: Params) {
  const hidden = nn.linear(p.at('hidden'), 2, 32)
  const out = nn.linear(p.at('out'), 32, 1)
  return (x: ReturnType<typeof input>) => sigmoid(out(gelu(hidden(x)))) // [B, 2] → [B, 1]
}

const run: TrainConfig = {
  name: 'circle',
  seed: 0,
  steps: 300,
  samples: batch,
  build: (p) => ({ loss: mean(square(sub(network(p)(input('x', [batch, 2])), input('inside', [batch, 1])))) }),
  batch(step) {
    const x = stream({ seed: 0, purpose: 'points', step }).normal(2 * batch)
    const inside = Float32Array.from({ length: batch }, (_, i) => {
      return Math.hypot(x[2 * i], x[2 * i + 1]) < 1.18 ? 1 : 0
    })
    return { x, inside }
  },
  lr: warmupCosine({ peak: 0.02, warmup: 20, total: 300 }),
}

for await (const event of train(run, { runtime: nodeRuntime() })) {
  if (event.kind === 'step' && event.step % 100 === 0) console.log(`step ${event.step}  loss ${event.loss.toFixed(4)}`)
}
