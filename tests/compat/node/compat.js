// The checks of the suite with kafkajs; see ../README.md. It has gzip built in, snappy as a plug-in.
'use strict'

const readline = require('readline')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const [address, prefix, ...only] = process.argv.slice(2)
const kafka = new Kafka({ clientId: 'compat', brokers: [address], logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 100 } })
const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
let names = 0

const newName = () => `${prefix}-${++names}`
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function expect(truth, what) {
  if (!truth) throw new Error(what)
}

async function until(what, condition, seconds = 60) {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    expect(Date.now() < deadline, `not within ${seconds} s: ${what}`)
    await sleep(20)
  }
}

function value(number) {
  const head = Buffer.from(`${number}:`)
  const rest = Buffer.alloc(number % 200)
  for (let i = 0; i < rest.length; ++i) rest[i] = (number + head.length + i) & 255
  return Buffer.concat([head, rest])
}

async function withAdmin(action) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await action(admin)
  } finally {
    await admin.disconnect()
  }
}

async function newTopic(numPartitions = 1) {
  const topic = newName()
  await withAdmin(async (admin) => {
    await admin.createTopics({ topics: [{ topic, numPartitions }] })
    await until(`topic ${topic}`, async () => {
      const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => null)
      return found && found.topics[0].partitions.length === numPartitions
    })
  })
  return topic
}

async function send(topic, messages, options = {}) {
  const producer = kafka.producer(options.producer)
  await producer.connect()
  try {
    for (let i = 0; i < messages.length; i += 5000) {
      await producer.send({ topic, messages: messages.slice(i, i + 5000), compression: options.compression })
    }
  } finally {
    await producer.disconnect()
  }
}

// A group member that keeps what it gets, and how many partitions it holds.
async function join(groupId, topic, options = {}) {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 500, sessionTimeout: 10000,
    rebalanceTimeout: 10000, ...options })
  const member = { consumer, messages: [], held: 0 }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.held = (payload.memberAssignment[topic] || []).length
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ partition, message }) => {
    member.messages.push({ partition, ...message })
  } })
  member.numbers = () => member.messages.map((message) => Number(message.value.toString()))
  member.leave = () => consumer.disconnect()
  return member
}

async function read(topic, count) {
  const member = await join(newName(), topic, { maxWaitTimeInMs: 100 })
  try {
    await until(`${count} records`, () => member.messages.length >= count)
    await sleep(200)
    expect(member.messages.length === count, `${member.messages.length} records, not ${count}`)
    return member.messages
  } finally {
    await member.leave()
  }
}

async function compare(topic, count) {
  const messages = await read(topic, count)
  messages.forEach((message, i) => expect(Number(message.offset) === i && message.value.equals(value(i)), `record ${i}`))
}

const many = (count) => Array.from({ length: count }, (_, i) => ({ value: value(i) }))
const numbered = (from, to, partitions) => Array.from({ length: to - from },
  (_, i) => ({ value: `${from + i}`, partition: (from + i) % partitions }))

function expectNumbers(numbers, count) {
  const different = new Set(numbers).size
  expect(numbers.length === count && different === count, `${numbers.length} records, ${different} different, not ${count}`)
}

async function ask(what) {
  console.log(what)
  expect((await input.next()).value === 'up', 'the broker did not come back')
}

async function topics() {
  const topic = await newTopic(3)
  await withAdmin(async (admin) => {
    expect((await admin.listTopics()).includes(topic), 'not listed')
    await admin.deleteTopics({ topics: [topic] })
    await until('deleted', async () => !(await admin.listTopics()).includes(topic))
  })
}

async function codecs() {
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy]) {
    const topic = await newTopic()
    await send(topic, many(1000), { compression })
    await compare(topic, 1000)
  }
}

async function records() {
  const topic = await newTopic()
  await send(topic, [
    { key: 'k', value: 'v', timestamp: '123456789', headers: { type: ['a', 'b'], empty: '' } },
    { value: 'v' }, { key: 'k', value: null }, { key: '', value: '' }])
  const [first, second, third, fourth] = await read(topic, 4)
  expect(first.headers.type.join() === 'a,b' && first.headers.empty.length === 0, 'headers')
  expect(first.timestamp === '123456789', 'timestamp')
  expect(second.key === null && second.value.toString() === 'v', 'null key')
  expect(third.key.toString() === 'k' && third.value === null, 'null value')
  expect(fourth.key.length === 0 && fourth.value.length === 0, 'empty')
}

async function order() {
  const topic = await newTopic(4)
  await send(topic, Array.from({ length: 10000 }, (_, i) => ({ key: `key${i % 23}`, value: `${i}` })))
  const last = {}
  for (const { key, value } of await read(topic, 10000)) {
    const number = Number(value.toString())
    expect((last[key] ?? -1) < number, 'order of a key')
    last[key] = number
  }
}

async function bulk() {
  const topic = await newTopic()
  await send(topic, many(100000))
  await compare(topic, 100000)
}

async function group() {
  const topic = await newTopic(4)
  const id = newName()
  const first = await join(id, topic)
  await until('first holds 4', () => first.held === 4)
  const second = await join(id, topic)
  await until('2 and 2', () => first.held === 2 && second.held === 2)
  await send(topic, numbered(0, 400, 4))
  await until('all', () => new Set([...first.numbers(), ...second.numbers()]).size === 400)
  expect(first.messages.length && second.messages.length, 'one member got nothing')
  await second.leave()
  await until('first holds 4 again', () => first.held === 4)
  await first.leave()
}

async function commit() {
  const topic = await newTopic(2)
  const id = newName()
  const seen = []
  for (const end of [100, 150]) {
    await send(topic, numbered(seen.length, end, 2))
    const member = await join(id, topic)
    await until('records', () => seen.length + member.messages.length >= end)
    await sleep(100)
    await member.leave()
    seen.push(...member.numbers())
  }
  expectNumbers(seen, 150)
}

async function survive(how) {
  const topic = await newTopic(2)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const member = await join(newName(), topic)
  const all = numbered(0, 10000, 2)
  for (let i = 0; i < all.length; i += 500) {
    const sending = producer.send({ topic, messages: all.slice(i, i + 500) })
    if (i === 5000) await ask(how)
    await sending
  }
  await producer.disconnect()
  await until('all', () => new Set(member.numbers()).size === 10000, 90)
  await member.leave()
  const next = [0, 1]
  for (const { partition, value } of await read(topic, 10000)) {
    expect(Number(value.toString()) === next[partition], 'the log is not as sent')
    next[partition] += 2
  }
}

async function want(type, action) {
  try {
    await action()
  } catch (error) {
    const types = [error.type, ...(error.errors || []).map((one) => one.type), error.cause && error.cause.type]
    expect(types.includes(type), `answered ${types} ${error.message}, not ${type}`)
    return
  }
  throw new Error(`no ${type}`)
}

async function errors() {
  const topic = await newTopic()
  const quick = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 1 } })
  const admin = quick.admin()
  const producer = quick.producer({ allowAutoTopicCreation: false })
  await admin.connect()
  await producer.connect()
  const create = (name, replicationFactor = 1) => () =>
    admin.createTopics({ topics: [{ topic: name, numPartitions: 1, replicationFactor }] })
  expect(await create(topic)() === false, 'an existing topic was created')
  await want('INVALID_TOPIC_EXCEPTION', create('bad name'))
  await want('INVALID_REPLICATION_FACTOR', create(newName(), 3))
  await want('UNKNOWN_TOPIC_OR_PARTITION', () => admin.deleteTopics({ topics: [newName()] }))
  await want('MESSAGE_TOO_LARGE', () => producer.send({ topic, messages: [{ value: Buffer.alloc(2000000) }] }))
  await want('UNKNOWN_TOPIC_OR_PARTITION', () => producer.send({ topic: newName(), messages: [{ value: 'x' }] }))
  await admin.disconnect()
  await producer.disconnect()
}

async function main() {
  const checks = { topics, codecs, records, order, bulk, group, commit,
    restart: () => survive('restart'), kill: () => survive('kill'), errors }
  for (const [name, check] of Object.entries(checks)) {
    if (only.length && !only.includes(name)) continue
    try {
      await check()
      console.log(`ok ${name}`)
    } catch (error) {
      console.error(error)
      console.log(`fail ${name} ${String(error.message || error).replace(/\n/g, ' ')}`)
    }
  }
  process.exit(0)
}

main()
