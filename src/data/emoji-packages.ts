import type { PinnedPackage } from '../files/packages.ts'

/** A pinned package of the emoji data set and the terms it may be used under. */
export interface EmojiPackage extends PinnedPackage {
  /** SPDX licence of the drawings or texts. */
  licence: string
  /** Who made them, for the notice beside the shards. */
  author: string
}

const microsoft = { licence: 'MIT', author: 'Microsoft Corporation (Fluent Emoji), packed by LobeHub' }
const lobehub = (
  kind: string,
  version: string,
  { bytes, integrity }: { bytes: number; integrity: string },
): EmojiPackage => ({ name: `@lobehub/fluent-emoji-${kind}`, version, bytes, integrity, ...microsoft })

/** The animated emoji: four packages of animated WebP, 256×256, with alpha. */
export const animationPackages: EmojiPackage[] = [
  lobehub('anim-1', '1.0.0', {
    bytes: 164_966_217,
    integrity: 'sha512-/4m31vAuZEQ4aUJ5pxcOU5PVkuJya55GRxUZL7+zgLlxZXpzzE8jPqpDyhZICE3n47nS/Y9M5/vLdizi8201QA==',
  }),
  lobehub('anim-2', '1.0.0', {
    bytes: 181_915_962,
    integrity: 'sha512-S6yzf0RZXrQbXdxCWuHA9BAoLdBRk2flX+ne4TPGEH/qApwisCAKHoAAGjKSlTY3OVeZ9b7t/NEbmpjawnQYJA==',
  }),
  lobehub('anim-3', '1.0.0', {
    bytes: 197_000_910,
    integrity: 'sha512-UzRSUDMjdfdt9vER5bhjHkPqgc3EEgfGtYs6ndvizOTvQOxYQ57ow2RTkWSDZxwW30X4EYBi2eWTS7CXDDoFsg==',
  }),
  lobehub('anim-4', '1.0.0', {
    bytes: 185_915_894,
    integrity: 'sha512-IIkl5ztSd1HrzvIDt/uGsFoC1WODXRdYq5uROrnkyqi9DbToEcJ1nlY86PnoUXeFS9nBCnHfiYk3ouSEGThFmA==',
  }),
]

/** Labels, tags and groups of every emoji in 26 languages. */
export const captionPackage: EmojiPackage = {
  name: 'emojibase-data',
  version: '17.0.0',
  bytes: 6_711_091,
  integrity: 'sha512-Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==',
  licence: 'MIT',
  author: 'Miles Johnson (Emojibase)',
}

/** The packages that hold still drawings, by their short names. */
export const stillPackages = {
  '3d': lobehub('3d', '1.1.0', {
    bytes: 15_792_027,
    integrity: 'sha512-Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==',
  }),
  flat: lobehub('flat', '1.1.0', {
    bytes: 7_607_263,
    integrity: 'sha512-lPYCg8+N56MIj+iOgeBeH6AF0tneXxJCvgi41rOTjAWpA5rU2WUcmU1fiIXouEe8GrSTarWCYLY2ML+rdLRHsg==',
  }),
  twemoji: {
    name: '@twemoji/svg',
    version: '15.0.0',
    bytes: 1_547_134,
    integrity: 'sha512-ZSPef2B6nBaYnfgdTbAy4jgW95o7pi2xPGwGCU+WMTxo7J6B1lMPTWwSq/wTuiMq+N0khQ90CcvYp1wFoQpo/w==',
    licence: 'CC-BY-4.0',
    author: 'Twitter, Inc and other contributors (Twemoji)',
  },
  noto: {
    name: '@iconify-json/noto',
    version: '1.2.9',
    bytes: 3_102_958,
    integrity: 'sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==',
    licence: 'Apache-2.0',
    author: 'Google Inc (Noto Emoji), packed by Iconify',
  },
  openmoji: {
    name: 'openmoji',
    version: '17.0.0',
    bytes: 4_339_458,
    integrity: 'sha512-EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w==',
    licence: 'CC-BY-SA-4.0',
    author: 'HfG Schwäbisch Gmünd and contributors (OpenMoji)',
  },
} satisfies Record<string, EmojiPackage>
