"""The client programs: what each needs, how it is fetched and built, how it is run.

Fetching goes through the ordinary package manager of each language, into .cache/compat.
"""

import pathlib
import shutil
import subprocess

from harness.broker import ROOT
from harness.kafka import JARS, java

HERE = pathlib.Path(__file__).resolve().parent
CACHE = ROOT / ".cache/compat"
FETCH_SECONDS = 900


class Unavailable(Exception):
    """A tool or a registry that is not there; says which."""


def command(arguments, directory=HERE):
    """Runs a build step; its output is shown only when it fails."""
    if shutil.which(arguments[0]) is None:
        raise Unavailable(f"{arguments[0]} is not installed")
    try:
        done = subprocess.run(arguments, cwd=directory, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(arguments[:3])}: no end in {FETCH_SECONDS} s") from None
    if done.returncode != 0:
        tail = " | ".join(done.stdout.strip().splitlines()[-4:])
        raise Unavailable(f"{' '.join(arguments[:3])}: {tail}")


def newer(target, *sources):
    """True when `target` exists and is younger than all `sources`."""
    return target.exists() and all(
        target.stat().st_mtime >= source.stat().st_mtime for source in sources)


def copy_to_cache(name, *files):
    """A directory in the cache with copies of `files`, so that package managers write there."""
    directory = CACHE / name
    directory.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy2(HERE / file, directory / pathlib.Path(file).name)
    return directory


def fetch_kafka():
    """Kafka's jars: the Java client, the tools, and the broker to compare with."""
    pom = HERE / "java/pom.xml"
    if not newer(JARS, pom):
        shutil.rmtree(JARS, ignore_errors=True)
        command(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                 f"-DoutputDirectory={JARS}"])
        JARS.touch()


def build_java(program="Compat"):
    fetch_kafka()
    classes = CACHE / "java/classes"
    sources = list(HERE.glob("java/*.java"))
    if not newer(classes / f"{program}.class", *sources):
        command(["javac", "-proc:none", "-cp", f"{JARS}/*", "-d", str(classes), *map(str, sources)])
    return java(program, extra_classpath=[classes])


def build_go(name):
    binary = CACHE / "go" / name
    sources = [*HERE.glob("go/*/*.go"), HERE / "go/go.mod", HERE / "go/go.sum"]
    if not newer(binary, *sources):
        command(["go", "build", "-o", str(binary), f"./{name}"], HERE / "go")
    return [str(binary)]


def build_node():
    directory = copy_to_cache("node", "node/package.json", "node/package-lock.json",
                              "node/compat.js")
    if not newer(directory / "node_modules", HERE / "node/package-lock.json"):
        command(["npm", "ci", "--no-audit", "--no-fund", "--silent"], directory)
        (directory / "node_modules").touch()
    return ["node", str(directory / "compat.js")]


def build_python(program):
    environment, wanted = CACHE / "python", HERE / "python/requirements.txt"
    interpreter = environment / "bin/python"
    stamp = environment / "installed"
    if not newer(stamp, wanted):
        command(["/usr/bin/python3", "-m", "venv", "--clear", str(environment)])
        command([str(interpreter), "-m", "pip", "install", "-q", "-r", str(wanted)])
        stamp.touch()
    return [str(interpreter), str(HERE / "python" / program)]


# name → builder; the builder fetches, compiles and returns the command line.
CLIENTS = {
    "java": build_java,
    "franz-go": lambda: build_go("franz"),
    "sarama": lambda: build_go("sarama"),
    "kafkajs": build_node,
    "confluent": lambda: build_python("confluent.py"),
    "aiokafka": lambda: build_python("aio.py"),
}
CHECKS = ["topics", "codecs", "records", "order", "bulk", "group", "commit", "restart", "kill",
          "errors"]
