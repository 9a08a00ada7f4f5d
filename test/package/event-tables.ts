/** The tables of events in README.md, made from the schemas. Printed by `npx tsx test/package/event-tables.ts`. */
import { pathToFileURL } from 'node:url';
import { creditEventSchemas } from '../../src/index.js';
import { creditEventGroups, onDemandTypes } from '../../src/models/events.js';

const named = (fields: readonly string[]) => fields.map((field) => `\`${field}\``).join(', ');

/** The group whose fields an event has, or none; and its further fields. */
function dataCell(fields: readonly string[]): string {
  for (const [name, group] of Object.entries(creditEventGroups)) {
    const own = Object.keys(group);
    if (!own.every((field) => fields.includes(field))) continue;
    const others = fields.filter((field) => !own.includes(field));
    return others.length === 0 ? name : `${name}, ${named(others)}`;
  }
  return named(fields);
}

/** The fields that types share, by the name of the group. */
export function groupTable(): string {
  const rows = Object.entries(creditEventGroups).map(([name, group]) => `| ${name} | ${named(Object.keys(group))} |`);
  return ['| group | fields of `data` |', '|---|---|', ...rows].join('\n');
}

/** Every type, when it is written, and its data. */
export function typeTable(): string {
  const rows = Object.entries(creditEventSchemas).map(([type, schema]) => {
    const { description, shape } = schema;
    const when = onDemandTypes.has(type) ? `${description}; \`events: 'all'\`` : description;
    return `| \`${type}\` | ${when} | ${dataCell(Object.keys(shape.data.shape))} |`;
  });
  return ['| type | when | `data` |', '|---|---|---|', ...rows].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(`${groupTable()}\n\n${typeTable()}`);
