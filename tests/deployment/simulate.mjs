// Reads one JSON array of simulations from standard input and prints one JSON array of decisions.
import { runSimulation } from '@cloud-copilot/iam-simulate'

let text = ''
for await (const chunk of process.stdin) text += chunk

const decisions = []
for (const simulation of JSON.parse(text)) {
  const response = await runSimulation(simulation, {})
  decisions.push(response.resultType === 'error' ? `error: ${response.errors.message}` : response.overallResult)
}
process.stdout.write(JSON.stringify(decisions))
