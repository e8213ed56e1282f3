import { existsSync } from 'node:fs'

/** The Chromium that tests use: that of $CHROMIUM, or Debian's. */
export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Why there is no browser, or undefined where there is one. */
export const browserAbsent = existsSync(chromiumPath)
  ? undefined
  : `there is no Chromium at ${chromiumPath} (or $CHROMIUM)`

/** Name of the variable that says where the shared browser of a test run listens. */
export const browserVariable = 'TUBELET_TEST_BROWSER'
