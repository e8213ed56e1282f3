import { parentPort, workerData } from 'node:worker_threads'
import { TubeletError } from '../errors.ts'
import type { ApartAnswer, ApartModel } from './node-apart.ts'
import { nodeProgram } from './node-program.ts'
import { copyInto, portArrays, portBytes } from './port-arrays.ts'

// The thread of a program that `node-apart.ts` starts: it loads the model it is given, then runs it at each message.

const { model, options, shared } = workerData as ApartModel
const there = portArrays(shared, model)
const here = portArrays(new ArrayBuffer(portBytes(model)), model) // the engine takes memory of this thread alone
const loaded = nodeProgram(model, options)

async function answer(work: () => Promise<void>) {
  const answer = await work().then(
    (): ApartAnswer => ({ done: true }),
    (error: Error): ApartAnswer => ({
      message: error.message,
      ...(error instanceof TubeletError ? { code: error.code } : {}),
    }),
  )
  parentPort!.postMessage(answer)
}

async function run() {
  copyInto(here.inputs, there.inputs)
  await (await loaded).run(here.inputs, here.outputs)
  copyInto(there.outputs, here.outputs)
}

await answer(async () => {
  await loaded
})
parentPort!.on('message', () => answer(run))
