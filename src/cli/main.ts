/** The command line: finds the command, runs it, and answers the exit code. */

import { type Environment, isDatabaseNamed } from '../config/read.js';
import { creditError, isCreditError } from '../errors.js';
import type { CreditManagement } from '../services/manager/contract.js';
import { accountCommands } from './accounts.js';
import { balanceCommands } from './balances.js';
import {
  type CliCall,
  type CliCommand,
  type CliIo,
  COMMON_FLAGS,
  EXIT,
  type Flags,
  merged,
  readCall,
  type Source,
  UsageError,
} from './command.js';
import { completionCommand } from './completion.js';
import { configCommand } from './config.js';
import { doctor } from './doctor.js';
import { grantCommands } from './grants.js';
import { holdCommands } from './holds.js';
import { inboxCommands } from './inbox.js';
import { jobCommands } from './jobs.js';
import { ledgerCommands } from './ledger.js';
import { migrateCommand } from './migrate.js';
import { openApiCommand } from './openapi.js';
import { outboxCommands } from './outbox.js';
import { planCommands } from './plans.js';
import { printable, printableJson } from './printable.js';
import { promoCommands } from './promos.js';
import { type Schemas, schemaCommand } from './schema.js';
import { type Serve, serveCommand } from './serve.js';
import { subscriptionCommands } from './subscriptions.js';

/** The parts that the program provides. */
export interface Program {
  /** Makes a manager from the environment, with these further credit types. */
  open(env: CliIo['env'], creditTypes: readonly string[], creditScale?: number): CreditManagement<unknown>;
  readonly schemas: Schemas;
  /** Makes the document of the HTTP API. */
  openapi(): object;
  readonly serve: Serve;
}

const COMMANDS: readonly CliCommand[] = [
  ...jobCommands,
  ...ledgerCommands,
  ...outboxCommands,
  ...inboxCommands,
  ...balanceCommands,
  ...accountCommands,
  ...grantCommands,
  ...holdCommands,
  ...planCommands,
  ...subscriptionCommands,
  ...promoCommands,
  doctor,
  configCommand,
  migrateCommand,
];

/** The environment variable that a flag stands for. */
const VARIABLES: Readonly<Record<string, string>> = {
  'database-url': 'CREDIT_DATABASE_URL',
  'mongo-uri': 'CREDIT_MONGO_URI',
  'mongo-db': 'CREDIT_MONGO_DB',
  'ledger-file': 'CREDIT_LEDGER_FILE',
};

/** Runs the command that was typed after the program's name, and answers the exit code. */
export async function runCli(typed: readonly string[], io: CliIo, program: Program): Promise<number> {
  const { open, schemas } = program;
  const others = [
    ...COMMANDS,
    schemaCommand(schemas),
    openApiCommand(() => program.openapi()),
    serveCommand(program.serve),
  ];
  const commands = [...others, completionCommand(others)];
  const command = commands.find(({ name }) => name === typed.slice(0, name.split(' ').length).join(' '));
  if (!command || typed.includes('--help')) {
    const isAsked = typed.length === 0 || typed[0] === 'help' || typed.includes('--help');
    const alike = commands.filter(({ name }) => name.startsWith(`${typed[0]} `));
    const advice = alike.length > 0 ? `There are ${alike.map(({ name }) => name).join(', ')}. ` : '';
    const unknown = `There is no command ${typed.join(' ')}. ${advice}credit-management --help lists them.`;
    if (isAsked) io.out(help(alike.length > 0 ? alike : commands, command));
    else io.err(`${printable(unknown)}\n`);
    return isAsked ? EXIT.done : EXIT.usage;
  }
  const more = `credit-management ${command.name} --help says more.`;
  let manager: CreditManagement<unknown> | null = null;
  let isOpen = false;
  try {
    const { args, flags } = readCall(command, typed.slice(command.name.split(' ').length));
    const sources = await sourcesOf(io, flags);
    const call: CliCall = {
      ...{ io, args, flags, sources },
      readSources: () => sourcesOf(io, flags),
      unopened() {
        manager ??= open(environmentOf(sources, flags), typesOf(flags));
        return manager;
      },
      async open() {
        if (isOpen) return manager as CreditManagement<unknown>;
        const scale = await otherScale(call.unopened());
        if (scale !== undefined) {
          await manager?.close();
          manager = open(environmentOf(sources, flags), typesOf(flags), scale);
          await manager.init();
        }
        isOpen = true;
        return call.unopened();
      },
      print: (value, lines) => io.out(`${flags.json ? printableJson(value) : lines().map(printable).join('\n')}\n`),
    };
    return await command.run(call);
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${printable(`${error.message} ${more}`)}\n`);
      return EXIT.usage;
    }
    // An error of the library has a code and says what to do. Any other error is printed as it is.
    const told = isCreditError(error) ? { code: error.code, message: error.message, details: error.details } : null;
    const isUsage = told?.code === 'CONFIGURATION';
    const line = told ? `${told.code}: ${told.message}${isUsage ? ` ${more}` : ''}` : String(error);
    if (typed.includes('--json')) io.out(`${printableJson({ error: told ?? { message: String(error) } })}\n`);
    else io.err(`${printable(line)}\n`);
    return isUsage ? EXIT.usage : EXIT.failed;
  } finally {
    await (manager as CreditManagement<unknown> | null)?.close().catch(() => {});
  }
}

/** Where the values of variables come from. */
async function sourcesOf(io: CliIo, flags: CliCall['flags']): Promise<Source[]> {
  const given = Object.entries(VARIABLES).flatMap(([flag, name]): Source[] =>
    typeof flags[flag] === 'string' ? [{ from: `--${flag}`, values: { [name]: flags[flag] } }] : [],
  );
  const file = await io.configFile?.();
  return [
    ...given,
    { from: 'environment', values: io.env },
    ...(file ? [{ from: file.name, values: file.values }] : []),
  ];
}

/** All variables. Memory is used only where that was said. */
function environmentOf(sources: readonly Source[], flags: CliCall['flags']): Environment {
  const env = merged(sources);
  const isNamed = Boolean(env.CREDIT_DATABASE_URL || env.CREDIT_MONGO_URI);
  if (isNamed && flags.memory) throw new UsageError('--memory does not go with a database.');
  // DATABASE_URL is often that of something else.
  if (flags.memory) return { ...env, DATABASE_URL: undefined, CREDIT_ALLOW_MEMORY: '1' };
  if (isDatabaseNamed(env)) return env;
  const problem = 'neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set';
  const message = `No database: ${problem}. Give --database-url or --mongo-uri; --memory only tries the command.`;
  throw creditError('CONFIGURATION', message, { problems: [problem] });
}

function typesOf(flags: CliCall['flags']): string[] {
  return typeof flags['credit-types'] === 'string' ? flags['credit-types'].split(',') : [];
}

/** The scale of the database, where it is not the one of the manager. Other failures are told by the calls to come. */
async function otherScale(manager: CreditManagement<unknown>): Promise<number | undefined> {
  try {
    await manager.init();
    return undefined;
  } catch (error) {
    return isCreditError(error, 'CONFIGURATION') ? error.details.creditScale : undefined;
  }
}

function help(commands: readonly CliCommand[], command?: CliCommand): string {
  if (!command) {
    const width = Math.max(...commands.map((each) => usageOf(each).length));
    const lines = commands.map((each) => `  ${usageOf(each).padEnd(width)}  ${each.help}`);
    const flags = `Flags of every command:\n${flagLines(COMMON_FLAGS)}`;
    return `credit-management <command>\n\n${lines.join('\n')}\n\n${flags}\n`;
  }
  const own = Object.keys(command.flags).length > 0 ? `\n\n${flagLines(command.flags)}` : '';
  return `credit-management ${usageOf(command)}: ${command.help}${own}\n\n${flagLines(COMMON_FLAGS)}\n`;
}

function usageOf({ name, args }: CliCommand): string {
  return [name, ...args.map((arg) => `<${arg}>`)].join(' ');
}

function flagLines(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, { value, help, needed }]) => {
      const flag = `--${name}${value ? ` <${value}>` : ''}`;
      return `  ${flag.padEnd(32)} ${help}${needed ? ' (needed)' : ''}`;
    })
    .join('\n');
}
