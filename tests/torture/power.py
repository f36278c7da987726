#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Power loss: what was confirmed survives it.

The receiver's folder and its records (then: the sender's records) lie on an ext4 file system of
their own, on a loop device in a private mount namespace. In the middle of a transfer what the sender
counts as confirmed is noted, and then the file system is shut down by EXT4_IOC_SHUTDOWN without
flushing its log: whatever is not on the device is gone, as when the power goes. The process is
killed, the file system mounted again, the same command started again.

Must hold: the octets noted as confirmed are in the partial file, equal to the source's, and the
records name a point at or behind them; the transfer ends with an equal file. A file written just
before without fsync must be lost, else the cut did not bite.

usage: power.py [ROUNDS [SEED]]   needs root; runs itself again under unshare -m
"""
import fcntl, json, os, random, shutil, signal, socket, sqlite3, struct, subprocess, sys, tempfile
import threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, '..', '..', 'build', 'convene')
EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
SIZE = 48 << 20


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Sender(threading.Thread):
    """convene send --json; knows what it has said is confirmed."""

    def __init__(self, source, port, state):
        super().__init__(daemon=True)
        env = dict(os.environ, XDG_STATE_HOME=state)
        self.process = subprocess.Popen(
            [TOOL, 'send', '--json', '--limit-rate', '40M', source, f'iso://127.0.0.1:{port}/in'],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.confirmed = 0
        self.start()

    def run(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event['event'] == 'progress':
                self.confirmed = max(self.confirmed, event['confirmed'])


def receive(folder, port, state):
    env = dict(os.environ, XDG_STATE_HOME=state)
    return subprocess.Popen([TOOL, 'receive', '--silent', '--listen', f'iso://127.0.0.1:{port}/in',
                             '--into', folder, '--once'], env=env, stderr=subprocess.DEVNULL)


def mount(image, at):
    subprocess.run(['mount', '-o', 'loop', image, at], check=True)


def cut_power(at):
    with open(os.path.join(at, 'unsynced'), 'w') as f:
        f.write('x' * 100000)
    fd = os.open(at, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack('I', NOLOGFLUSH))
    finally:
        os.close(fd)


def remount(image, at):
    for _ in range(100):
        if subprocess.run(['umount', at], stderr=subprocess.DEVNULL).returncode == 0:
            break
        time.sleep(0.05)  # the kernel lets go of the killed process's files
    else:
        raise RuntimeError('the file system cannot be unmounted')
    mount(image, at)
    lost = not os.path.exists(os.path.join(at, 'unsynced')) or \
        os.path.getsize(os.path.join(at, 'unsynced')) == 0
    if not lost:
        os.unlink(os.path.join(at, 'unsynced'))
    return lost


def durable_point(state):
    """The highest offset of a point's record."""
    folder = os.path.join(state, 'convene')
    best = 0
    for name in os.listdir(folder):
        if name.startswith('receive-') and name.endswith('.db'):
            db = sqlite3.connect(os.path.join(folder, name))
            for k, v in db.execute('SELECT k, v FROM kept'):
                if k[:1] == b'p':
                    best = max(best, struct.unpack('>Q', v[8:16])[0])
            db.close()
    return best


def partial(folder):
    hidden = os.path.join(folder, '.convene')
    names = os.listdir(hidden) if os.path.isdir(hidden) else []
    return os.path.join(hidden, names[0]) if names else None


def check_receiver(work, noted, source):
    folder = os.path.join(work, 'in')
    done = os.path.join(folder, 'source')
    if os.path.exists(done):
        return None
    path = partial(folder)
    if noted == 0:
        return None
    if path is None:
        return f'{noted} octets were confirmed, and there is no partial file'
    point = durable_point(os.path.join(work, 'state'))
    if point < noted:
        return f'{noted} octets were confirmed, the records know {point}'
    with open(path, 'rb') as a, open(source, 'rb') as b:
        if a.read(noted) != b.read(noted):
            return f'the {noted} octets that were confirmed are not in the partial file'
    return None


def one(rng, side, base, source):
    image = os.path.join(base, 'image')
    at = os.path.join(base, 'mnt')
    shutil.rmtree(at, ignore_errors=True)
    os.makedirs(at)
    with open(image, 'wb') as f:
        f.truncate(160 << 20)
    subprocess.run(['mkfs.ext4', '-q', '-F', image], check=True)
    mount(image, at)
    other = tempfile.mkdtemp(dir=base)
    work_r, work_s = (at, other) if side == 'receiver' else (other, at)
    os.makedirs(os.path.join(work_r, 'in'))
    port = free_port()
    state_r, state_s = os.path.join(work_r, 'state'), os.path.join(work_s, 'state')
    r = receive(os.path.join(work_r, 'in'), port, state_r)
    s = Sender(source, port, state_s)
    try:
        time.sleep(rng.uniform(0.15, 1.1))  # the moment of the cut is what is drawn
        noted = s.confirmed
        cut_power(at)
        if side == 'receiver':
            r.kill()
            r.wait()
        else:
            s.process.kill()
            s.process.wait()
        bit = remount(image, at)
        if not bit:
            return 'a file that was never synced survived: the cut did not bite'
        why = check_receiver(work_r, noted, source) if side == 'receiver' else None
        if why:
            return why
        if side == 'receiver':
            r = receive(os.path.join(work_r, 'in'), port, state_r)
        else:
            s = Sender(source, port, state_s)
        if s.process.wait(60) != 0:
            return f'send ended with {s.process.returncode}'
        if r.wait(30) != 0:
            return f'receive ended with {r.returncode}'
        with open(os.path.join(work_r, 'in', 'source'), 'rb') as a, open(source, 'rb') as b:
            if a.read() != b.read():
                return 'the files differ'
        left = os.listdir(os.path.join(work_r, 'in'))
        return None if left == ['source'] else f'left in the folder: {left}'
    except subprocess.TimeoutExpired as e:
        return f'no end: {e}'
    finally:
        for p in (r, s.process):
            if p.poll() is None:
                p.send_signal(signal.SIGKILL)
                p.wait()
        subprocess.run(['umount', '-l', at], stderr=subprocess.DEVNULL)
        shutil.rmtree(other, ignore_errors=True)


def main():
    if os.environ.get('POWER_INSIDE') != '1':
        if os.geteuid() != 0:
            sys.exit('power.py: only root may mount: run it as root')
        os.execvpe('unshare', ['unshare', '-m', '--propagation', 'private', sys.executable,
                               *sys.argv], dict(os.environ, POWER_INSIDE='1'))
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir=os.environ.get('TMPDIR', '/var/tmp')) as base:
        source = os.path.join(base, 'source')
        with open(source, 'wb') as f:
            f.write(rng.randbytes(SIZE))
        for i in range(rounds):
            side = ('receiver', 'sender')[i % 2]
            why = one(rng, side, base, source)
            if why is None:
                passed += 1
            else:
                failed += 1
                print(f'round {i}, {side} (seed {seed}): {why}')
    print(f'{passed} passed, {failed} failed')
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
