/** Reports how much of what takes long is done, at every tenth part. */
export const every = (report: (text: string) => void, what: string) => (done: number, count: number) => {
  if (done % Math.ceil(count / 10) === 0 || done === count) report(`${done} of ${count} ${what}`)
}
