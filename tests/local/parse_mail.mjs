// Reads one e-mail from standard input and prints what mailparser, the parser of Nodemailer, finds in it.
import { simpleParser } from 'mailparser'

const mail = await simpleParser(process.stdin)
const { subject, text, html, attachments } = mail
process.stdout.write(JSON.stringify({ subject, text, html, attachments: attachments.length }))
