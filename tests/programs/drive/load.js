// usage: load.js HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only.
const fs = require('fs');
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const stayed = 1000 * (process.env.STAY ?? 1);
const digest = (data) => data.length + ' ' + require('crypto').createHash('sha1').update(data).digest('hex');

function stay(data, only) {
    console.log(only ? data.length : digest(data));
    if (!only) setTimeout(() => console.log(data[data.length - 1]), stayed);
}

function workers(path, only) {
    let left = 3;
    const all = [];
    for (let i = 0; i < 3; i++) {
        const worker = new Worker(__filename, { workerData: { path, only } });
        all.push(worker);
        worker.on('message', (text) => {
            console.log(text);
            if (--left === 0) setTimeout(() => all.forEach((w) => w.postMessage('end')), only ? 0 : stayed);
        });
    }
}

if (isMainThread) {
    const how = process.argv[2].replace('-', ''), only = process.argv[2][0] === '-', path = process.argv[3];
    if (how === 'sync') stay(fs.readFileSync(path), only);
    if (how === 'promise') fs.promises.readFile(path).then((data) => stay(data, only));
    if (how === 'stream') {
        const parts = [];
        fs.createReadStream(path).on('data', (p) => parts.push(p)).on('end', () => stay(Buffer.concat(parts), only));
    }
    if (how === 'workers') workers(path, only);
} else {
    const data = fs.readFileSync(workerData.path);
    parentPort.postMessage(workerData.only ? data.length : digest(data));
    parentPort.once("message", () => process.exit(data.length ? 0 : 1));
}
