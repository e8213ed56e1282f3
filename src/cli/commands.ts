import type { CommandFile } from './command.ts'
import type { MessageKey } from './messages/index.ts'

/** A verb: it has a summary in the catalogue of messages. */
type Verb = MessageKey extends infer K ? (K extends `${infer Name}.summary` ? Name : never) : never

/** Every verb, in the order of the help; its file is loaded when it is asked for. */
export const commands = {
  generate: async () => (await import('./generate.ts')).generateCommand,
  classify: async () => (await import('./classify.ts')).classifyCommand,
  search: async () => (await import('./search.ts')).searchCommand,
  embed: async () => (await import('./embed.ts')).embedCommand,
  train: async () => (await import('./train.ts')).trainCommand,
  evaluate: async () => (await import('./evaluate.ts')).evaluateCommand,
  caption: async () => (await import('./caption.ts')).captionCommand,
  expand: async () => (await import('./expand.ts')).expandCommand,
  data: async () => (await import('./data-command.ts')).dataCommand,
  runs: async () => (await import('./runs.ts')).runsCommand,
  show: async () => (await import('./show.ts')).showCommand,
  profile: async () => (await import('./profile.ts')).profileCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  systems: async () => (await import('./systems.ts')).systemsCommand,
  reproduce: async () => (await import('./reproduce.ts')).reproduceCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
} satisfies Partial<Record<Verb, () => Promise<CommandFile>>>
