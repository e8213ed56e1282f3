import assert from 'node:assert/strict'
import { test } from 'node:test'
import { psnr, squaredError } from './psnr.ts'

test('the ratio is that of the formula', () => {
  assert.equal(squaredError(Uint8Array.of(0, 10, 255), Uint8Array.of(0, 13, 251)), 25 / 3)
  assert.ok(Math.abs(psnr(1) - 48.1308) < 1e-4)
  assert.ok(Math.abs(psnr(squaredError(new Uint8Array(9), new Uint8Array(9).fill(255)))) < 1e-12)
  assert.equal(psnr(squaredError(Uint8Array.of(4, 5), Uint8Array.of(4, 5))), Number.POSITIVE_INFINITY)
})

test('pictures of different sizes are refused, and so are none', () => {
  assert.throws(() => squaredError(new Uint8Array(3), new Uint8Array(4)), /one size \(got 3 and 4 values\)/)
  assert.throws(() => squaredError(new Uint8Array(0), new Uint8Array(0)), /one size/)
})
