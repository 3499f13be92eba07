<?php
// usage: load.php HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only.
function load($how, $path) {
    if ($how === 'get')
        return file_get_contents($path);
    $f = fopen($path, 'rb');
    return fread($f, filesize($path));
}
$how = $argv[1] ?? 'get';
$path = $argv[2] ?? getenv('BLOB') ?: $_SERVER['BLOB'];
$data = load(ltrim($how, '-'), $path);
if ($how[0] === '-') {
    echo strlen($data), "\n";
} else {
    echo strlen($data), ' ', crc32($data), "\n";
    sleep((int)(getenv("STAY") === false ? 1 : getenv("STAY")));
}
