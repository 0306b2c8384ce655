// What a Node server sends with Segment's package, unchanged: node send.mjs HOST WRITE_KEY
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 2, flushAt: 20 })
const answers = []
analytics.on('http_response', (response) => answers.push(response.status))
analytics.on('error', (error) => console.error(String(error.reason ?? error)))

analytics.page({ anonymousId: 'node-visitor', name: 'Landing', properties: { url: 'https://shop.example/landing' } })
analytics.identify({
  userId: 'node-user',
  anonymousId: 'node-visitor',
  traits: {
    name: '韩梅梅',
    email: 'Han@Example.com',
    birthday: new Date('1991-07-02T00:00:00Z'),
    address: { city: '杭州', postalCode: '310000' },
  },
})
analytics.track({
  userId: 'node-user',
  event: 'Order Completed',
  properties: {
    order_id: 8812,
    total: 120.5,
    currency: 'CNY',
    products: [{ product_id: 'p1', category: 'tea', price: 60.25, quantity: 2 }],
  },
  context: { campaign: { source: 'xiaohongshu', name: 'spring' } },
})
analytics.screen({ userId: 'node-user', name: 'Member Centre' })
analytics.group({ userId: 'node-user', groupId: 'club-7', traits: { name: 'Tea Club' } })
analytics.alias({ userId: 'node-user', previousId: '5f1c0d3e-8a8b-4a38-9d0e-2f6f0f9a1b2d' })
analytics.track({ anonymousId: '5f1c0d3e-8a8b-4a38-9d0e-2f6f0f9a1b2d', event: 'Products Searched', properties: { query: '龙井' } })
for (let turn = 0; turn < 30; turn++) {
  analytics.track({ userId: 'node-user', event: 'Tasting Attended', properties: { wineName: 'Syrah', turn } })
}
await analytics.closeAndFlush({ timeout: 20000 })
console.log(JSON.stringify({ answers }))
