import { releaseLoaded } from './release-loaded.ts'

/** Things that are loaded when they are first asked for, and kept. */
export interface LoadOnce<T> {
  /** The one of this name; what could not be loaded is tried again when it is asked for again. */
  get(name: string, load: () => Promise<T>): Promise<T>
  /** Releases what was loaded and forgets it. */
  release(): Promise<void>
}

/** Keeps what is loaded by its name. */
export function loadOnce<T extends { release(): Promise<void> }>(): LoadOnce<T> {
  const loading = new Map<string, Promise<T>>()
  const start = (name: string, load: () => Promise<T>) => {
    const started = load().catch((error) => {
      loading.delete(name)
      throw error
    })
    loading.set(name, started)
    return started
  }
  return {
    get: (name, load) => loading.get(name) ?? start(name, load),
    async release() {
      await releaseLoaded(loading.values())
      loading.clear()
    },
  }
}
