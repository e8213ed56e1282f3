/** Releases what could be loaded; whoever asked for the rest was told why it could not. */
export async function releaseLoaded(
  loading: Iterable<Promise<{ release(): Promise<void> }> | undefined>,
): Promise<void> {
  for (const loaded of await Promise.allSettled(loading))
    if (loaded.status === 'fulfilled') await loaded.value?.release()
}

/** What is made with something that is loaded; where that fails, the loaded thing is released. */
export async function orRelease<T>(loaded: { release(): Promise<void> }, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    await loaded.release()
    throw error
  }
}
