// Random codes made by libraries that are not ours, one a line, as JSON: who made it, what scheme,
// the payload, what it was asked to hold, and how another library (promptparse) reads it.
//
//   node generate.cjs SEED COUNT
//
// Why they can be trusted: emv-qrcps has EMVCo's own examples (Chinese ones too) as its tests; it
// writes whatever scheme it is told. promptpay-qr, vietnam-qr-pay, ts-khqr, paynowqr and pix-utils
// are the usual libraries of their countries, and shops print what they make. promptparse reads
// what Thai banks print.
// What they are not trusted with: emv-qrcps forgets the zero that a checksum begins with, and such a
// code, one in sixteen, is made again; promptparse and paynowqr take a character for a byte in their
// checksums, so that codes with other letters than ASCII are not shown to promptparse, and paynowqr
// is given ASCII alone.
'use strict';

const { Merchant, Consumer } = require('emv-qrcps');
const PaynowQR = require('paynowqr');
const { createStaticPix } = require('pix-utils');
const promptparse = require('promptparse');
const { anyId, billPayment } = require('promptparse/generate');
const promptpay = require('promptpay-qr');
const { KHQR, CURRENCY, TAG } = require('ts-khqr');
const { QRPay } = require('vietnam-qr-pay');

const [seed, count] = process.argv.slice(2).map(Number);

// Mulberry32: the same seed, the same codes.
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (limit) => Math.floor(random() * limit);
const pick = (list) => list[below(list.length)];
const text = (alphabet, least, most) =>
  Array.from({ length: least + below(most - least + 1) }, () => pick([...alphabet])).join('');
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const digits = (least, most = least) => text('0123456789', least, most);
const word = (least, most) => text(UPPER, least, most);
const name = () => `${word(2, 9)} ${word(2, 9)}`;
const chinese = () => text('测试商户上海北京最佳运输', 2, 8);
const amount = () => (1 + below(999999)) / 100;

/** What each scheme's account holds: the root field, and a value for each field inside. */
const SCHEMES = {
  qris: () => ['51', 'ID.CO.QRIS.WWW', { '02': `ID${digits(13)}`, '03': pick(['UMI', 'UKE']) }, '360', 'ID'],
  duitnow: () => ['26', 'A0000006150001', { '01': digits(6), '02': digits(9, 20) }, '458', 'MY'],
  sgqr: () => ['51', 'SG.SGQR', { '01': word(8, 12), '02': digits(7) }, '702', 'SG'],
  'lao-qr': () => ['38', 'A005266284662577', { '01': digits(8), '02': '001', '03': word(5, 20) }, '418', 'LA'],
  'qr-ph': () => ['28', 'ph.ppmi.p2m', { '01': word(11, 11), '03': digits(12), '05': digits(3) }, '608', 'PH'],
  upi: () => ['26', 'A000000524', { '01': `${word(3, 12)}@${word(3, 6)}` }, '356', 'IN'],
  fps: () => ['26', pick(['hk.com.hkicl', 'HK.COM.HKICL']), { '02': digits(7) }, '344', 'HK'],
  'mongolia-qr': () => ['26', 'A0000008430001', { '01': word(8, 8), '02': digits(20) }, '496', 'MN'],
  'uzbekistan-qr': () => ['40', 'qr-online.uz', { '01': digits(18), '02': '11' }, '860', 'UZ'],
  'wechat-pay': () => ['26', pick(['com.qq.weixin.pay', 'COM.QQ.WEIXIN.PAY']), { '01': digits(9) }, '702', 'SG'],
  'alipay-plus': () => ['33', `A1112783000000${digits(2)}.alipayplus.v2`, { '01': word(5, 12) }, '496', 'MN'],
};

function ofScheme(scheme) {
  const [root, guid, inside, currency, country] = SCHEMES[scheme]();
  const code = Merchant.buildEMVQR();
  const holds = { '00': '01', 52: digits(4), 53: currency, 58: country, 59: name(), 60: word(3, 15) };
  const value = amount().toFixed(2);
  const isDynamic = below(2) === 1;
  code.setPayloadFormatIndicator('01');
  code.setPointOfInitiationMethod((holds['01'] = isDynamic ? '12' : '11'));
  code.setMerchantCategoryCode(holds[52]);
  code.setTransactionCurrency(currency);
  if (isDynamic) code.setTransactionAmount((holds[54] = value));
  code.setCountryCode(country);
  code.setMerchantName(holds[59]);
  code.setMerchantCity(holds[60]);
  const account = Merchant.buildMerchantAccountInformation();
  account.setGloballyUniqueIdentifier((holds[`${root}.00`] = guid));
  for (const [id, inner] of Object.entries(inside)) {
    account.addPaymentNetworkSpecific(id, (holds[`${root}.${id}`] = inner));
  }
  code.addMerchantAccountInformation(root, account);
  if (below(2)) {
    const more = Merchant.buildAdditionalDataFieldTemplate();
    more.setStoreLabel((holds['62.03'] = word(1, 25)));
    more.setTerminalLabel((holds['62.07'] = digits(8)));
    code.setAdditionalDataFieldTemplate(more);
  }
  if (below(3) === 0) {
    const language = Merchant.buildMerchantInformationLanguageTemplate();
    language.setLanguagePreference((holds['64.00'] = 'zh'));
    language.setMerchantName((holds['64.01'] = chinese()));
    language.setMerchantCity((holds['64.02'] = chinese()));
    code.setMerchantInformationLanguageTemplate(language);
  }
  const payload = code.generatePayload();
  return /6304[0-9A-F]{4}$/.test(payload)
    ? { origin: 'emv-qrcps', scheme, payload, holds }
    : ofScheme(scheme);
}

function unionpay() {
  const account = `${digits(16)}${word(15, 15)}`;
  // Its writer has no fields 02 to 25, so that promptparse writes this one, in ASCII.
  const fields = [
    ['00', '01'], ['01', '12'], ['15', account], ['52', digits(4)], ['53', '156'],
    ['54', amount().toFixed(2)], ['58', 'CN'], ['59', name()], ['60', word(3, 15)],
  ];
  const tags = fields.map(([id, value]) => promptparse.tag(id, value));
  const payload = promptparse.withCrcTag(promptparse.encode(tags), '63');
  return { origin: 'promptparse', scheme: 'unionpay', payload, holds: Object.fromEntries(fields) };
}

function consumer() {
  const code = Consumer.buildEMVQR();
  code.setDataPayloadFormatIndicator('CPV01');
  const aids = [];
  for (let left = 1 + below(2); left > 0; left -= 1) {
    const [scheme, aid] = pick([
      ['unionpay', 'A000000333010101'], ['unionpay', 'A000000333010102'],
      ['qris', 'A0000006022020'], ['duitnow', 'A0000006150001'], ['other', 'A0000000555555'],
    ]);
    aids.push([scheme, aid]);
    const data = Consumer.buildBERTLV();
    data.setDataApplicationDefinitionFileName(aid);
    data.setDataApplicationLabel(word(3, 16));
    data.setDataTrack2EquivalentData(`${digits(16)}D${digits(13)}`);
    const template = Consumer.buildApplicationTemplate();
    template.setBERTLV(data);
    const inside = Consumer.buildBERTLV();
    inside.setDataIssuerApplicationData(digits(20, 20));
    inside.setDataApplicationCryptogram(digits(16));
    inside.setDataApplicationTransactionCounter(digits(4));
    const transparent = Consumer.buildApplicationSpecificTransparentTemplate();
    transparent.setBERTLV(inside);
    template.addApplicationSpecificTransparentTemplate(transparent);
    code.addApplicationTemplate(template);
  }
  return { origin: 'emv-qrcps', scheme: aids[0][0], payload: code.generatePayload(), aids };
}

function khqr() {
  const value = 100 * (1 + below(99999));
  const isMerchant = below(2) === 1;
  const account = `${word(3, 12).toLowerCase()}@${word(4, 4).toLowerCase()}`;
  const merchant = { merchantID: digits(6, 9), acquiringBank: `${word(3, 9)} Bank` };
  const shop = name();
  const foreign = chinese();
  const made = KHQR.generate({
    tag: isMerchant ? TAG.MERCHANT : TAG.INDIVIDUAL,
    accountID: account,
    merchantName: shop,
    ...merchant,
    currency: CURRENCY.KHR,
    amount: value,
    expirationTimestamp: Date.now() + 600000,
    languageData: { languagePreference: 'ZH', merchantNameAlternateLanguage: foreign },
  });
  if (made.status.code !== 0) throw new Error(made.status.message);
  const root = isMerchant ? '30' : '29';
  const holds = { [`${root}.00`]: account, 54: String(value), 59: shop, 53: '116', '64.01': foreign };
  return { origin: 'ts-khqr', scheme: 'khqr', payload: made.data.qr, holds };
}

function vietqr() {
  const [bank, account, purpose] = [`9704${digits(2)}`, digits(6, 19), word(2, 20)];
  const code = QRPay.initVietQR({ bankBin: bank, bankNumber: account, amount: '50000', purpose });
  const holds = { '38.01.00': bank, '38.01.01': account, 54: '50000', '62.08': purpose };
  return { origin: 'vietnam-qr-pay', scheme: 'vietqr', payload: code.build(), holds };
}

function vnpay() {
  const [merchantId, merchantName, store] = [digits(8, 10), word(5, 20), name()];
  const code = QRPay.initVNPayQR({ merchantId, merchantName, store, terminal: word(4, 8) });
  const holds = { '26.01': merchantId, 59: merchantName, '62.03': store };
  return { origin: 'vietnam-qr-pay', scheme: 'vnpay', payload: code.build(), holds };
}

function paynow() {
  const [uen, ref, shop] = [`${digits(9)}${word(1, 1)}`, word(4, 20), name()];
  const value = 1 + below(9999);
  const code = new PaynowQR({ uen, amount: value, editable: false, expiry: '20301231', refNumber: ref, company: shop });
  const holds = { '26.02': uen, '26.04': '20301231', 59: shop, '62.01': ref };
  return { origin: 'paynowqr', scheme: 'paynow', payload: code.output(), holds };
}

function pix() {
  const [key, shop, city] = [`${word(4, 12).toLowerCase()}@example.com`, word(3, 20), word(3, 12)];
  const value = amount();
  const code = createStaticPix({ merchantName: shop, merchantCity: city, pixKey: key, transactionAmount: value });
  const holds = { '26.01': key, 54: value.toFixed(2), 59: shop, 60: city };
  return { origin: 'pix-utils', scheme: 'pix', payload: code.toBRCode(), holds };
}

function promptpayTransfer() {
  const [mobile, value] = [`08${digits(8)}`, amount()];
  const holds = { '29.01': `0066${mobile.slice(1)}`, 54: value.toFixed(2) };
  if (below(2)) {
    const payload = promptpay(mobile, { amount: value });
    return { origin: 'promptpay-qr', scheme: 'promptpay-transfer', payload, holds };
  }
  const payload = anyId({ type: 'MSISDN', target: mobile, amount: value });
  return { origin: 'promptparse', scheme: 'promptpay-transfer', payload, holds };
}

function promptpayBill() {
  const [billerId, ref1, ref2, value] = [digits(15), word(3, 20), word(3, 20), amount()];
  const payload = billPayment({ billerId, ref1, ref2, amount: value });
  const holds = { '30.01': billerId, '30.02': ref1, '30.03': ref2, 54: value.toFixed(2) };
  return { origin: 'promptparse', scheme: 'promptpay-bill', payload, holds };
}

const MAKERS = [
  ...Object.keys(SCHEMES).map((scheme) => () => ofScheme(scheme)),
  unionpay, consumer, khqr, vietqr, vnpay, paynow, pix, promptpayTransfer, promptpayBill,
];

function main() {
  for (let round = 0; round < count; round += 1) {
    for (const make of MAKERS) {
      const made = make();

      if (made.holds && /^[\x00-\x7f]*$/.test(made.payload)) {
        const read = promptparse.parse(made.payload, true, true);
        if (!read) throw new Error(`promptparse does not read a code of ${made.origin}`);
        made.tags = read.getTags().map((tag) => [tag.id, tag.value]);
      }
      console.log(JSON.stringify(made));
    }
  }
}

main();
