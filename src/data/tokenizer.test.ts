import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { tokenizer } from './tokenizer.ts'
import { byteAlphabet, fromTokenizerJson, toTokenizerJson } from './tokenizer-file.ts'
import { trainTokenizer } from './tokenizer-train.ts'
import { cleanText, knownWords, likelyMeant, unknownWords } from './words.ts'

const colours = ['red', 'blue', 'green', 'yellow', 'purple']
const things = ['heart', 'bird', 'car', 'dragon', 'smiling face', 'clock', 'cat with tears of joy']
const captions = [
  ...colours.flatMap((c) =>
    things.flatMap((t) => [`a ${c} ${t}`, `${t}, ${c}`, `An animated emoji of a ${c} ${t} beating`]),
  ),
  ...['红', '蓝', '绿'].flatMap((c) =>
    ['心', '鸟', '汽车', '笑脸'].flatMap((t) => [`一颗跳动的${c}色${t}`, `${c}色的${t}表情`]),
  ),
]
const vocabulary = trainTokenizer(captions, { size: 600 })
const tokens = tokenizer(vocabulary)

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
  fc
    .array(
      fc.constantFrom(
        'red',
        ' ',
        '心',
        '红心',
        'ー',
        "'s",
        'Σ',
        '3.5',
        '\t\n',
        '\u3000',
        '\u0085',
        '\ufeff',
        'İ',
        '❤️',
        '👩‍🚀',
        'e\u0301',
        '<|endoftext|>',
      ),
    )
    .map((parts) => parts.join('')),
)

test('any text comes back as its clean self, from ids that are all in range and none special', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const ids = tokens.ids(text)
      assert.ok(ids.every((id) => id >= 0 && id < tokens.pad))
      assert.equal(tokens.decode(ids), cleanText(text))
    }),
    { numRuns: 1000 },
  )
})

test('clean text is composed, lower-case, with single spaces and none at the ends', () => {
  assert.equal(cleanText('  A\u00a0\tHEART-shaped\u3000e\u0301moji!!\n'), 'a heart-shaped émoji!!')
  assert.equal(cleanText('ΑΣ ÀÉ ß'), 'ασ àé ß')
  assert.equal(cleanText('x\ud800y'), 'x\ufffdy')
  assert.equal(cleanText(' \n\u2003 '), '')
})

test('frequent words become one token, the same at the start of a text and within it', () => {
  const [red] = tokens.ids('red')
  assert.deepEqual(tokens.ids('Red heart'), [red, tokens.ids('heart')[0]])
  assert.deepEqual(tokens.ids('heart red').at(-1), red)
  assert.equal(tokens.ids('animated').length, 1)
  // Chinese takes no space along: after one, and without one, a word has the same token.
  assert.equal(tokens.ids('红色').at(-1), tokens.ids('red红色').at(-1))
  assert.ok(tokens.ids('一颗跳动的红色心').length < 8)
})

test('merges are learned by frequency and do not depend on the order of the captions', () => {
  const small = trainTokenizer(['aaab aaab', 'aab'], { size: 263, minCount: 1 })
  // pairs within ' aaab' twice and ' aab' once: aa 5, then (by count, then lower ids) ...
  assert.deepEqual(small.tokens.slice(256, 260), ['aa', 'Ġaa', 'ab', 'Ġaaab'])
  assert.deepEqual(trainTokenizer([...captions].reverse(), { size: 600 }), vocabulary)
  assert.throws(() => trainTokenizer([], { size: 100 }), { code: 'usage', message: /from 259 to 65536, not 100/ })
  assert.equal(trainTokenizer([], { size: 300 }).tokens.length, 259)
})

test('an encoded text has start, end and padding, and keeps its end when it is cut', () => {
  const ids = tokens.ids('a red heart')
  assert.equal(ids.length, 3)
  assert.deepEqual([...tokens.encode('a red heart', 7)], [tokens.start, ...ids, tokens.end, tokens.pad, tokens.pad])
  assert.deepEqual([...tokens.encode('a red heart', 4)], [tokens.start, ids[0], ids[1], tokens.end])
  assert.deepEqual([...tokens.encode('', 3)], [tokens.start, tokens.end, tokens.pad])
  assert.throws(() => tokens.encode('a', 1), { code: 'usage', message: /length must be a whole number from 2, not 1/ })
  assert.equal(tokens.end, tokens.size - 1)
  assert.equal(tokens.decode(tokens.encode('a red heart', 7)), 'a red heart')
  assert.equal(tokens.decode([-1, 1e9, ...ids]), 'a red heart')
})

test('the tail is what an encoded text lacks', () => {
  const text = 'a beating heart, and a cat'
  for (let length = 2; length < 20; length++) {
    const read = tokens.decode(tokens.encode(text, length))
    const tail = tokens.tail(text, length)
    assert.equal(`${read} ${tail}`.replaceAll(' ', ''), text.replaceAll(' ', ''))
  }
  assert.equal(tokens.tail('cat', 24), '')
})

test('the time for a word grows little faster than its length: 200,000 letters take seconds', () => {
  const text = 'redheart'.repeat(25_000)
  const began = performance.now()
  assert.equal(tokens.decode(tokens.ids(text)), text)
  assert.ok(performance.now() - began < 5_000)
})

test('tokenizer.json gives the same tokenizer back, and a damaged one is refused', () => {
  const json = JSON.parse(JSON.stringify(toTokenizerJson(vocabulary)))
  assert.deepEqual(fromTokenizerJson(json), vocabulary)
  const pairs = vocabulary.merges.map(([left, right]) => [vocabulary.tokens[left], vocabulary.tokens[right]])
  assert.deepEqual(fromTokenizerJson({ ...json, model: { ...json.model, merges: pairs } }), vocabulary)
  const refused = (change: object, message: RegExp) =>
    assert.throws(() => fromTokenizerJson({ ...json, ...change }, 'x.json'), { code: 'input', message })
  const vocab = json.model.vocab
  refused({ model: null }, /^x.json: model: /)
  refused({ model: { ...json.model, merges: [1] } }, /^x.json: model.merges.0: /)
  refused(
    { model: { ...json.model, vocab: { ...vocab, a: 1e9 } } },
    /ids must be 0 to 399|ids must be 0 to \d+, each once/,
  )
  refused({ model: { ...json.model, vocab: { ...vocab, a: vocab.b } } }, /each once/)
  refused({ model: { ...json.model, merges: ['a zebra'] } }, /the token 'zebra' has no id/)
  refused({ normalizer: null }, /cuts text in another way/)
  const { [byteAlphabet[0]]: _, ...rest } = vocab
  refused({ model: { ...json.model, vocab: rest } }, /each once|has no id/)
})

test('words of a prompt that no caption holds are told; signs, case and spaces do not matter', () => {
  const known = new Set(knownWords(captions))
  assert.deepEqual(unknownWords('A RED, zebra… and blue Zebra!', known), ['zebra', 'and'])
  assert.deepEqual(unknownWords('红色的马 dragon', known), ['马'])
  assert.deepEqual(unknownWords('❤️ !!', known), [])
  assert.deepEqual(knownWords(['b a', 'a']), ['a', 'b'])
})

test('a misspelt word is told from one that is merely unknown', () => {
  const known = ['bird', 'butterfly', 'cat', 'elephant', '象']
  const meant = (word: string) => likelyMeant(word, known)
  assert.deepEqual(['elefant', 'butterfli', 'birb', 'Zelephant'].map(meant), [
    'elephant',
    'butterfly',
    'bird',
    'elephant',
  ])
  assert.deepEqual(['cab', 'helicopter', 'bends', 'eggplant', '像', ''].map(meant), Array(6).fill(undefined))
  assert.equal(likelyMeant('elefant', []), undefined)
})

const python = process.env.TUBELET_PYTHON ?? 'python3'
const absent = (() => {
  try {
    execFileSync(python, ['-c', 'import tokenizers'], { stdio: 'ignore' })
    return false
  } catch {
    return `${python} has no package 'tokenizers' (set TUBELET_PYTHON to one that has)`
  }
})()

test("Hugging Face's tokenizers open tokenizer.json and give the same ids and texts", { skip: absent }, () => {
  const texts = [
    ...captions.slice(0, 20),
    ...captions.slice(-5),
    ...[
      '',
      ' ',
      "It's  WE'LL",
      '3.5% off —  naïve café',
      '😀 smiling 👩‍🚀',
      'ΑΣ Σ',
      '红心，跳动 red心ーカ 〇々',
      '\ufeffx\u0085y\u3000z',
    ],
    ...fc.sample(anyText, { numRuns: 500, seed: 7 }).filter((text) => !text.includes('<|')),
  ].map((text) => text.replace(/[\ud800-\udfff]/gu, '\ufffd'))
  const folder = mkdtempSync(join(tmpdir(), 'tubelet-tokenizer-'))
  try {
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(toTokenizerJson(vocabulary)))
    writeFileSync(join(folder, 'texts.json'), JSON.stringify(texts))
    const script = [
      'import json, sys, tokenizers',
      'folder = sys.argv[1]',
      't = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")',
      'ids = [t.encode(x).ids for x in json.load(open(folder + "/texts.json", encoding="utf-8"))]',
      'print(json.dumps([[i, t.decode(i)] for i in ids]))',
    ].join('\n')
    const out = execFileSync(python, ['-c', script, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 })
    const theirs = JSON.parse(out) as [number[], string][]
    texts.forEach((text, i) => {
      const ids = tokens.ids(text)
      assert.deepEqual(theirs[i][0], [tokens.start, ...ids, tokens.end], JSON.stringify(text))
      assert.equal(theirs[i][1], tokens.decode(ids))
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
