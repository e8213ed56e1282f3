import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { en } from './en.ts'
import { chooseLanguage, translator } from './index.ts'
import { chineseSentence, sentences, words } from './sentences.zh.ts'
import { zh } from './zh.ts'

const base = (key: string) => key.replace(/_(one|other)$/, '')
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort()

test('both languages have the same messages, a plural counted once', () => {
  const keys = (catalogue: object) => [...new Set(Object.keys(catalogue).map(base))].sort()
  assert.deepEqual(keys(zh), keys(en))
})

test('a message is given the same values in both languages', () => {
  const chinese: Record<string, string> = zh
  for (const [key, text] of Object.entries(en)) {
    const other = chinese[key] ?? chinese[`${base(key)}_other`]
    assert.deepEqual(placeholders(other), placeholders(text), key)
  }
})

test('no message is empty, and every Chinese one holds Chinese or stands for a name', () => {
  const names = ['doctor.node', 'doctor.webgpu', 'data.build.unpack', 'data.inspect.progress']
  for (const text of Object.values(en)) assert.notEqual(text.trim(), '')
  for (const [key, text] of Object.entries(zh)) assert.ok(/\p{Script=Han}/u.test(text) || names.includes(key), key)
})

test('values are put in as they are, and a plural follows the count', () => {
  const t = translator('en')
  assert.equal(t('usage.unknownOption', { given: '--a<b>&"' }), `unknown option '--a<b>&"'`)
  assert.equal(t('doctor.cores', { count: 1, system: 'x' }), '1 core, x')
  assert.equal(t('doctor.cores', { count: 2, system: 'x' }), '2 cores, x')
  assert.equal(translator('zh')('doctor.cores', { count: 1, system: 'x' }), '1 个核心，x')
})

test('the language comes from the flag, then TUBELET_LANG, then as POSIX orders its variables', () => {
  assert.equal(chooseLanguage('zh', { LANG: 'en_US.UTF-8' }), 'zh')
  assert.equal(chooseLanguage(undefined, { TUBELET_LANG: 'zh', LC_ALL: 'C' }), 'zh')
  assert.equal(chooseLanguage(undefined, { LC_ALL: 'zh_CN.UTF-8', LANG: 'en_US' }), 'zh')
  assert.equal(chooseLanguage(undefined, { LC_ALL: '', LANG: 'zh_TW' }), 'zh')
  assert.equal(chooseLanguage(undefined, { LC_ALL: 'C', LANG: 'zh_CN' }), 'en')
  assert.equal(chooseLanguage(undefined, { LANG: 'de_DE' }), 'en')
})

test('a known error sentence becomes Chinese with its values and their reasons; another one stays as it is', () => {
  assert.equal(
    chineseSentence('cannot read models/a (b)/config.json: no such file or folder'),
    '无法读取 models/a (b)/config.json：没有这个文件或文件夹',
  )
  assert.equal(chineseSentence('cannot read /a: EWEIRD'), '无法读取 /a：EWEIRD')
  assert.equal(chineseSentence('something else'), undefined)
})

test('each sentence of the Chinese list is said as its own line has it, not as a more general one before it', () => {
  for (const [english, chinese] of sentences) {
    const values: Record<string, string> = {}
    for (const name of placeholders(english)) values[name] = `<${name}>`
    const filled = (text: string) => text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name])
    assert.equal(chineseSentence(filled(english)), filled(chinese))
  }
})

test('whatever cannot be done with a file is said in Chinese alone', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const source = files.map((file) => readFileSync(join('src', file), 'utf8')).join('\n')
  const actions = new Set([...source.matchAll(/fileError\(\w+, '([^']+)'/g)].map(([, action]) => action))
  assert.ok(actions.size > 4)
  for (const action of actions)
    assert.match(chineseSentence(`cannot ${action} /1: permission denied`) ?? '', /^[^a-z]+$/, action)
})

test('each sentence of the Chinese list stands in the source with its values in place', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const source = files
    .filter((file) => file.endsWith('.ts') && !file.includes('.test.') && !file.includes('messages'))
    .map((file) => readFileSync(join('src', file), 'utf8'))
    .join('\n')
  for (const sentence of [...sentences.map(([english]) => english), ...Object.keys(words)]) {
    const pieces = sentence.split(/\{\{\w+\}\}/).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    assert.ok(new RegExp(`['"\`]${pieces.join(String.raw`\$\{[^\n]+?\}`)}['"\`]`).test(source), sentence)
  }
})
