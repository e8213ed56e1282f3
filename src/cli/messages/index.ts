import i18next from 'i18next'
import { en } from './en.ts'
import { zh } from './zh.ts'

/** A language of the command line. */
export type Lang = 'en' | 'zh'

/** The languages there are, the default first. */
export const languages: readonly Lang[] = ['en', 'zh']

type Catalogue = typeof en
type Plural = 'one' | 'other'
/** The name of a message; `KEY_one` and `KEY_other` of the catalogue are asked for as KEY, with a `count`. */
export type MessageKey = keyof Catalogue extends infer K ? (K extends `${infer Base}_${Plural}` ? Base : K) : never
type Text<K extends MessageKey> = K extends keyof Catalogue
  ? Catalogue[K]
  : `${K}_other` extends keyof Catalogue
    ? Catalogue[`${K}_other`]
    : never
type Placeholder<T> = T extends `${string}{{${infer Name}}}${infer Rest}` ? Name | Placeholder<Rest> : never
type Values<K extends MessageKey> = Record<Placeholder<Text<K>>, string | number>

/** Gives the message of a key in the chosen language; the compiler knows the keys and what each one must be given. */
export type Translate = <K extends MessageKey>(
  key: K,
  ...values: [Placeholder<Text<K>>] extends [never] ? [] : [Values<K>]
) => string

/** The messages of one language. */
export function translator(lang: Lang): Translate {
  const catalogue = i18next.createInstance()
  catalogue.init({
    lng: lang,
    fallbackLng: false,
    initAsync: false,
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
    resources: { en: { translation: en }, zh: { translation: zh } },
  })
  return (key, ...[values]) => catalogue.t(key, values ?? {})
}

/** The language that the flag or the environment asks for: `--lang`, TUBELET_LANG, then as POSIX orders its own. */
export function chooseLanguage(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): Lang {
  const asked = flag || env.TUBELET_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || ''
  return asked.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}
