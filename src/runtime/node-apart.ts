import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, TubeletError } from '../errors.ts'
import type { OnnxModel } from '../onnx/index.ts'
import type { NodeProgramOptions } from './node-program.ts'
import { copyInto, portArrays, portBytes } from './port-arrays.ts'
import { checkArray, checkInto, type Program } from './runtime.ts'
import { threadFile } from './thread-file.ts'

/** What a worker is given when it starts. */
export interface ApartModel {
  readonly model: OnnxModel
  readonly options: NodeProgramOptions
  readonly shared: SharedArrayBuffer // holds inputs and outputs as `portArrays` says
}

/** What a worker answers to each request. */
export type ApartAnswer = { readonly done: true } | { readonly code?: ErrorCode; readonly message: string }

const workerFile = threadFile('runtime/node-worker', import.meta.url)

/**
 * A model as a program in a thread of its own. The engine refuses shared memory, so arrays are copied into memory that
 * both threads see, and from there by the worker into its own; results come back the same way.
 */
export async function programApart(model: OnnxModel, options: ApartModel['options']): Promise<Program> {
  const shared = new SharedArrayBuffer(portBytes(model))
  const { inputs: fed, outputs: made } = portArrays(shared, model)
  const { constants, threads = 0, apart = 1 } = options
  const settings = {
    ...options,
    constants: constants && {}, // they are in the model
    int8: undefined,
    threads: Math.max(1, Math.floor((threads || availableParallelism()) / apart)),
  }
  const workerData: ApartModel = { model, options: settings, shared }
  const worker = new Worker(workerFile, { workerData, execArgv: [] })
  const answer = answersOf(worker)
  await answer().catch(async (error) => {
    await worker.terminate() // it would keep the process
    throw error
  })
  worker.unref() // waits without keeping the process

  const { inputs } = model
  const outputs = model.outputs.map(({ name, shape, dtype }) => ({ name, shape, dtype }))
  let last: Promise<unknown> = Promise.resolve()
  return {
    inputs,
    outputs,
    run(feeds, into = {}) {
      const run = last.then(async () => {
        for (const port of inputs) checkArray(port, feeds[port.name], 'input')
        checkInto(outputs, into)
        copyInto(fed, feeds)
        worker.ref()
        worker.postMessage('run')
        await answer().finally(() => worker.unref())
        for (const name in into) into[name].set(made[name])
        return { ...made, ...into }
      })
      last = run.catch(() => {}) // one run at a time
      return run
    },
    async release() {
      await last
      await worker.terminate()
    },
  }
}

/** Waits for the worker's next answer; what it could not do is thrown here. */
function answersOf(worker: Worker): () => Promise<void> {
  let failure: Error | undefined
  let waiting: { resolve: () => void; reject: (error: Error) => void } | undefined
  const settle = (error?: Error) => {
    if (error) waiting?.reject(error)
    else waiting?.resolve()
    waiting = undefined
  }
  worker.on('message', (answer: ApartAnswer) => {
    if ('done' in answer) return settle()
    settle(answer.code ? new TubeletError(answer.code, answer.message) : new Error(answer.message))
  })
  worker.on('error', (error) => {
    failure = error
    settle(error)
  })
  worker.on('exit', () => {
    failure ??= new Error('the thread of a program has ended')
    settle(failure)
  })
  return () =>
    new Promise((resolve, reject) => {
      if (failure) reject(failure)
      else waiting = { resolve, reject }
    })
}
