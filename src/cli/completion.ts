/** Prints a script with which a shell completes commands, flags and the values to choose from. */
import { type CliCommand, COMMON_FLAGS, EXIT, type Flags, UsageError } from './command.js';

/** zsh runs completions that are written for bash. */
const BEFORE: Readonly<Record<string, string>> = {
  bash: '',
  zsh: 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n',
};

export function completionCommand(others: readonly CliCommand[]): CliCommand {
  const command: CliCommand = {
    name: 'completion',
    args: ['bash|zsh'],
    help: 'print a script that completes commands and flags: source <(credit-management completion bash)',
    flags: {},
    async run(call) {
      const before = BEFORE[call.args[0] as string];
      if (before === undefined) throw new UsageError('The shell must be bash or zsh.');
      call.io.out(`${before}${scriptOf([...others, command])}`);
      return EXIT.done;
    },
  };
  return command;
}

/** All words are names of commands, flags and values, none of which needs to be quoted. */
function scriptOf(commands: readonly CliCommand[]): string {
  const firsts = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ');
    firsts.set(first, [...(firsts.get(first) ?? []), ...(second ? [second] : [])]);
  }
  const seconds = [...firsts].filter(([, words]) => words.length > 0);
  const flags = commands.flatMap((command) => Object.entries<Flags[string]>(command.flags));
  const choices = new Map(flags.flatMap(([name, { value }]) => (value?.includes('|') ? [[name, value] as const] : [])));
  return `_credit_management() {
  local offered="" current="\${COMP_WORDS[COMP_CWORD]}"
  case "$COMP_CWORD \${COMP_WORDS[1]}" in
    "1 "*) offered="${[...firsts.keys()].join(' ')}" ;;
${seconds.map(([first, words]) => `    "2 ${first}") offered="${words.join(' ')}" ;;`).join('\n')}
    *) case "\${COMP_WORDS[COMP_CWORD-1]}" in
${[...choices].map(([name, value]) => `      --${name}) offered="${value.replaceAll('|', ' ')}" ;;`).join('\n')}
      *) case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${commands.map(caseOf).join('\n')}
      esac ;;
    esac ;;
  esac
  COMPREPLY=( $(compgen -W "$offered" -- "$current") )
}
complete -o default -F _credit_management credit-management
`;
}

function caseOf(command: CliCommand): string {
  const pattern = command.name.includes(' ') ? `"${command.name}"` : `"${command.name} "*`;
  return `        ${pattern}) offered="${flagsOf(command)}" ;;`;
}

function flagsOf({ name, flags }: CliCommand): string {
  const names = Object.keys({ ...flags, ...COMMON_FLAGS }).map((flag) => `--${flag}`);
  return [...(name === 'completion' ? Object.keys(BEFORE) : []), ...names].join(' ');
}
