// Two SDKs of the Messenger Platform, as they come, against a server of ours:
// nothing but the base address differs. The arguments are the server's URL, a
// page access token, the app's secret, the customer's id and the name of a GIF.
'use strict'

const assert = require('assert')
const fs = require('fs')
const { MessengerClient, MessengerBatch } = require('messaging-api-messenger')
const Bot = require('messenger-bot')

const [url, token, secret, customer, picture] = process.argv.slice(2)

// Axios fills its errors with all of the request; what the server said is enough.
async function step (name, run) {
  try {
    await run()
  } catch (error) {
    const said = error.response ? JSON.stringify(error.response.data) : error.stack
    console.log(`failed: ${name}: ${said}`)
    process.exitCode = 1
    return
  }
  console.log(`ok: ${name}`)
}

async function refused (promise, code) {
  try {
    await promise
  } catch (error) {
    const body = error.response.data || error.response.body
    assert.strictEqual(body.error.code, code)
    return
  }
  assert.fail('it was not refused')
}

async function messagingApi () {
  const client = new MessengerClient({ accessToken: token, appSecret: secret, origin: url })
  const sent = answer => {
    assert.strictEqual(answer.recipientId, customer)
    assert.ok(answer.messageId)
  }
  await step('page', async () => assert.strictEqual((await client.getPageInfo()).name, 'Tea & Co.'))
  await step('text', async () => sent(await client.sendText(customer, 'hello')))
  await step('quick replies', async () => sent(await client.sendMessage(customer, {
    text: 'Tea?', quickReplies: [{ contentType: 'text', title: 'Yes', payload: 'YES' }]
  })))
  await step('buttons', async () => sent(await client.sendButtonTemplate(customer, 'Sure?', [{ type: 'postback', title: 'Yes', payload: 'YES' }])))
  await step('generic', async () => sent(await client.sendGenericTemplate(customer, [{
    title: 'Tea', subtitle: 'Green', imageUrl: 'https://example.com/tea.png', buttons: [{ type: 'web_url', title: 'See', url: 'https://example.com' }]
  }])))
  await step('receipt', async () => sent(await client.sendReceiptTemplate(customer, {
    recipientName: 'Stephane Crozatier', orderNumber: 'sdk-1', currency: 'USD', paymentMethod: 'Visa 2345', timestamp: '1428444852',
    elements: [{ title: 'T-Shirt', quantity: 2, price: 50 }, { title: 'Hat', quantity: 1, price: 25 }],
    summary: { subtotal: 75.00, shippingCost: 4.95, totalTax: 6.19, totalCost: 56.14 },
    adjustments: [{ name: 'Discount', amount: 20 }, { name: 'Coupon', amount: 10 }]
  })))
  await step('image', async () => sent(await client.sendImage(customer, fs.createReadStream(picture))))
  await step('attachment', async () => {
    const { attachmentId } = await client.uploadImage(fs.createReadStream(picture), { isReusable: true })
    sent(await client.sendImage(customer, { attachmentId }))
    sent(await client.sendMediaTemplate(customer, [{ mediaType: 'image', attachmentId }]))
  })
  await step('sender actions', async () => {
    await client.markSeen(customer)
    await client.typingOn(customer)
    await client.typingOff(customer)
  })
  await step('tags', async () => sent(await client.sendText(customer, 'late', { messagingType: 'MESSAGE_TAG', tag: 'ACCOUNT_UPDATE' })))
  await step('profile of a person', async () => assert.strictEqual((await client.getUserProfile(customer)).firstName, 'The'))
  await step('profile of the page', async () => {
    await client.setGetStarted('GO')
    await client.setGreeting([{ locale: 'default', text: 'Hi' }])
    await client.setPersistentMenu([{ locale: 'default', composerInputDisabled: false, callToActions: [{ type: 'postback', title: 'Help', payload: 'HELP' }] }])
    assert.deepStrictEqual(await client.getGetStarted(), { payload: 'GO' })
    await client.deleteGreeting()
  })
  await step('personas', async () => {
    const { id } = await client.createPersona({ name: 'Ned', profilePictureUrl: 'https://example.com/ned.png' })
    sent(await client.sendText(customer, 'I am Ned', { personaId: id }))
    assert.strictEqual((await client.getPersona(id)).name, 'Ned')
    await client.deletePersona(id)
  })
  await step('handover', async () => {
    assert.ok((await client.getThreadOwner(customer)).appId)
    await client.getSecondaryReceivers()
    await client.passThreadControlToPageInbox(customer, 'a person is needed')
    await client.takeThreadControl(customer, 'thank you')
  })
  await step('batch', async () => {
    const answers = await client.sendBatch([MessengerBatch.sendText(customer, 'one'), MessengerBatch.sendText(customer, 'two')])
    assert.deepStrictEqual(answers.map(answer => answer.code), [200, 200])
  })
  await step('errors', async () => {
    const raw = { recipient: { id: 'USER_ID' }, message: { text: 'x' } }
    await refused(client.axios.post(`/me/messages?access_token=${token}`, raw), 100)
    await refused(client.axios.post('/me/messages?access_token=no', raw), 190)
  })
}

async function messengerBot () {
  const bot = new Bot({ token, app_secret: secret, graph_url: `${url}/v2.12/` })
  await step('bot: message', async () => assert.ok((await bot.sendMessage(customer, { text: 'from a bot' })).message_id))
  await step('bot: typing', async () => { await bot.sendSenderAction(customer, 'typing_on') })
  await step('bot: profile', async () => assert.strictEqual((await bot.getProfile(customer)).last_name, 'customer'))
  await step('bot: get started', async () => { await bot.setGetStartedButton({ payload: 'GO' }) })
  await step('bot: menu', async () => {
    await bot.setPersistentMenu([{ locale: 'default', call_to_actions: [{ type: 'postback', title: 'Help', payload: 'HELP' }] }])
    await bot.removePersistentMenu()
  })
}

messagingApi().then(messengerBot)
