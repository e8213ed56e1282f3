import { parityCase } from '../parity/case.ts'
import { verifyModel } from '../../src/generate/verify.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
const [cases, ...names] = process.argv.slice(2)
for (const name of names) {
  try {
    const r = await verifyModel(await parityCase(name, cases), nodeRuntime())
    console.log(name, ...r.outputs.map((o) => `${o.name} ${o.error.toExponential(1)}`))
  } catch (e) { console.log(name, (e as Error).message.slice(0, 600), process.env.STACK ? (e as Error).stack : '') }
}
