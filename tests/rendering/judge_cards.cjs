// Reads a list of Adaptive Cards from standard input and prints what Microsoft's own library finds in each: events of
// the parser, problems of properties, and the card as the library understood it.
const { AdaptiveCard, SerializationContext, Versions } = require('adaptivecards')

const cards = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const found = cards.map((source) => {
  const card = new AdaptiveCard()
  const context = new SerializationContext(Versions.v1_4)
  card.parse(source, context)
  const problems = []
  for (let index = 0; index < context.eventCount; index++) problems.push(context.getEventAt(index).message)
  for (const each of card.validateProperties().validationEvents) problems.push(each.message)
  return { problems, card: card.toJSON() }
})
process.stdout.write(JSON.stringify(found))
