/** Releases what could be loaded; whoever asked for the rest was told why it could not. */
export async function releaseLoaded(
  loading: Iterable<Promise<{ release(): Promise<void> }> | undefined>,
): Promise<void> {
  for (const loaded of await Promise.allSettled(loading))
    if (loaded.status === 'fulfilled') await loaded.value?.release()
}
