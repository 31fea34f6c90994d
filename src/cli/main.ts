import tab from '@bomb.sh/tab/commander'
import { Command } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { addNouns, secretAmong } from './nouns.ts'
import { runSandbox } from './sandbox.ts'
import { addTools } from './tools.ts'

const program = new Command('tollgate')
  .description('A self-hosted, metered gateway in front of a paid generative-media account.')
  .version(packageJson.version)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

program
  .command('serve')
  .description('run the gateway, as npm start does')
  // Loaded here, since no other command needs the whole house.
  .action(async () => (await import('../server.ts')).serve())
program
  .command('sandbox')
  .description('run the stand-in upstream alone')
  .option('--port <port>', 'port it listens on, 0 for any free one', '8090')
  .action(runSandbox)
addTools(program, process.env)
addNouns(program, process.env)
tab(program, { completionCommandName: 'completion' })

const refusal = secretAmong(process.argv.slice(2))
if (refusal !== undefined) {
  process.stderr.write(`${refusal}\n`)
  process.exit(2)
}
await program.parseAsync(process.argv)
