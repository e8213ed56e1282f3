import assert from 'node:assert/strict'

/** Fails where some |got − want| > tolerance · (1 + |want|), naming the worst element. */
export function assertClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, label: string): void {
  assert.equal(got.length, want.length, `${label}: number of elements`)
  let worst = -1
  let excess = tolerance
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]) / (1 + Math.abs(want[i]))
    if (error <= excess) continue
    worst = i
    excess = error
    if (Number.isNaN(error)) break
  }
  assert.ok(worst < 0, `${label}: [${worst}] is ${got[worst]}, not ${want[worst]}`)
}

/** ‖got − want‖ / ‖want‖ */
export function relativeL2(got: ArrayLike<number>, want: ArrayLike<number>): number {
  assert.equal(got.length, want.length, 'number of elements')
  let [error, norm] = [0, 0]
  for (let i = 0; i < want.length; i++) {
    error += (got[i] - want[i]) ** 2
    norm += want[i] ** 2
  }
  return Math.sqrt(error / norm)
}
