// What a command did: told to people as it happens, and with --json as one document at the end.
#pragma once

#include "tools/sluice/cli.hpp"
#include "tools/sluice/json.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::cli {

// One JSON document on standard output, when --json asks for it.
template <class Fill>
void print_document(const Global& global, Fill fill) {
  if (!global.json) return;
  Output out;
  JsonWriter json(out.buffer());
  json.begin_object();
  fill(json);
  json.end_object();
  out.write("\n");
}

// Of a command on things with names, one after the other.
//   {"kind":"topic","applied":true,"results":[{"name":"orders","result":"created"}]}
class Outcome {
 public:
  // `applied`: false for --dry-run.
  Outcome(const Global& global, std::string_view kind, bool applied = true);

  // One thing is done: `result` is a word for scripts, `text` the sentence for people. `details`
  // adds fields to it.
  void add(std::string_view name, std::string_view result, std::string_view text,
           const std::function<void(JsonWriter&)>& details = {});
  // Ends the command: prints the document and returns `status`. A command that failed before it did
  // anything prints none.
  Exit end(Exit status);

 private:
  const Global& global_;
  std::string text_;
  JsonWriter json_{text_};
  bool any_ = false;
};

// Of a command on many records.
//   {"file":"orders.jsonl","topic":null,"records":6,"seconds":0.01,"complete":true}
struct RecordsDone {
  std::string file;   // "-": standard input or output
  std::string topic;  // empty, and null in the document: of each record
  std::uint64_t records = 0;
  std::chrono::nanoseconds took{};
  bool complete = true;  // false: it ended early
};
void print_document(const Global& global, const RecordsDone& done);

}  // namespace sluice::cli
