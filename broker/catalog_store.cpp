#include "broker/catalog_store.hpp"

#include "base/event.hpp"
#include "base/planted_bug.hpp"
#include "base/task_group.hpp"
#include "broker/catalog_format.hpp"
#include "broker/catalog_rebuild.hpp"
#include "storage/file_system.hpp"

#include <algorithm>
#include <deque>

namespace sluice::broker {
namespace {

constexpr const char* meta_directory = "meta";
constexpr const char* format_path = "meta/format";
constexpr const char* catalog_path = "meta/catalog";
constexpr std::int64_t producer_block = 1000;
// The file is rewritten when it is larger than this and has grown to a multiple of its snapshot.
constexpr std::size_t rewrite_size = 256 * 1024;
constexpr std::size_t rewrite_growth = 4;

Task<Result<std::vector<std::byte>>> read_whole(storage::FileSystem& files, std::string path) {
  const storage::OpenOptions options{storage::OpenMode::read_only};
  auto file = co_await files.open(path, options);
  if (!file) co_return std::unexpected(file.error());
  auto size = co_await (*file)->size();
  if (!size) co_return std::unexpected(size.error());
  std::vector<std::byte> bytes(*size);
  auto read = co_await (*file)->read(bytes, 0);
  auto closed = co_await (*file)->close();
  if (!read) co_return std::unexpected(read.error());
  if (!closed) co_return std::unexpected(closed.error());
  bytes.resize(*read);
  co_return bytes;
}

// A file whose name exists only once its content is durable: temp + rename + directory sync.
Task<Result<>> write_whole(storage::FileSystem& files, std::string path, Bytes bytes) {
  const std::string temporary = path + ".tmp";
  const storage::OpenOptions options{storage::OpenMode::create};
  auto file = co_await files.open(temporary, options);
  if (!file) co_return std::unexpected(file.error());
  auto done = co_await (*file)->truncate(0);
  if (done) done = co_await (*file)->write(bytes, 0, storage::Durability::none);
  if (done) done = co_await (*file)->sync();
  auto closed = co_await (*file)->close();
  if (!done) co_return done;
  if (!closed) co_return closed;
  auto renamed = co_await files.rename(temporary, path);
  if (!renamed || planted(PlantedBug::catalog_name_not_synced)) co_return renamed;
  co_return co_await files.sync_directory(meta_directory);
}

std::unexpected<Error> in_file(const Error& error, std::string_view path) {
  return fail(error.code, std::string(path).append(": ").append(error.context));
}

Uuid random_uuid(Random& random) {
  Uuid id;
  for (std::size_t at = 0; at < id.octets.size(); at += 8) {
    const auto bits = random.next();
    std::memcpy(id.octets.data() + at, &bits, sizeof bits);
  }
  return id;
}

Result<std::unique_ptr<CatalogStore>> made(std::unique_ptr<CatalogStore> store) {
  return Result<std::unique_ptr<CatalogStore>>(std::move(store));
}

struct Waiting {
  std::vector<CatalogChange> changes;
  std::optional<Result<CommitOutcome>> result;
  Event done;
};

Task<Result<>> write_format(storage::FileSystem& files, const FormatFile& format) {
  auto made_meta = co_await files.make_directories(meta_directory);
  if (!made_meta) co_return made_meta;
  const auto text = format_text(format);
  co_return co_await write_whole(files, format_path, as_bytes(text));
}

// The first frame of a catalog that is not on disk yet.
Task<Result<>> write_catalog(storage::FileSystem& files, CatalogImage& image) {
  const auto frame = encode_frame(FrameKind::snapshot, 1, snapshot_changes(image.catalog));
  auto written = co_await write_whole(files, catalog_path, frame);
  if (!written) co_return written;
  image.next_sequence = 2;
  image.good_size = frame.size();
  co_return Result<>{};
}

class FileCatalogStore final : public CatalogStore {
 public:
  FileCatalogStore(storage::FileSystem& files, Logger& logger, Executor executor, FormatFile format,
                   CatalogImage image)
      : files_(files),
        logger_(logger),
        unwritten_(image.good_size == 0),
        writer_(std::move(executor)),
        format_(std::move(format)),
        next_sequence_(image.next_sequence),
        size_(image.good_size),
        reserved_(image.catalog.next_producer_id()),
        current_(std::make_shared<const Catalog>(std::move(image.catalog))) {}

  Task<Result<>> open_file() {
    if (unwritten_) co_return Result<>{};
    const storage::OpenOptions options{storage::OpenMode::read_write};
    auto file = co_await files_.open(catalog_path, options);
    if (!file) co_return std::unexpected(file.error());
    file_ = std::move(*file);
    co_return Result<>{};
  }

  CatalogSnapshot snapshot() const override { return current_; }
  const std::string& cluster_id() const override { return format_.cluster_id; }
  const std::array<std::byte, 16>& hash_secret() const override { return format_.hash_secret; }
  bool fenced() const override { return fenced_; }
  void on_change(std::function<void(CatalogSnapshot)> listener) override {
    listeners_.push_back(std::move(listener));
  }

  Task<Result<CommitOutcome>> commit(std::vector<CatalogChange> changes) override {
    if (fenced_) co_return fail(CatalogErrc::fenced, catalog_path);
    auto mine = std::make_shared<Waiting>();
    mine->changes = std::move(changes);
    queue_.push_back(mine);
    // The writer is a task of its own: a caller that goes away does not stop it half-way.
    if (writer_.running() == 0) writer_.spawn(write_queue());
    while (!mine->result) co_await mine->done.wait();
    co_return std::move(*mine->result);
  }

  Task<Result<std::int64_t>> next_producer_id() override {
    if (ids_.empty()) {
      // Each caller reserves a block of its own, so that two cannot get the same one.
      const std::int64_t first = reserved_;
      reserved_ += producer_block;
      std::vector<CatalogChange> changes;
      changes.emplace_back(ReserveProducerIds{reserved_});
      const bool stored = !planted(PlantedBug::producer_ids_given_again);
      if (stored)
        if (auto outcome = co_await commit(std::move(changes)); !outcome)
          co_return std::unexpected(outcome.error());
      ids_.push_back({first, first + producer_block});
    }
    auto& block = ids_.front();
    const std::int64_t id = block.next++;
    if (block.next == block.end) ids_.pop_front();
    co_return id;
  }

  Task<> close() override {
    closing_ = true;
    co_await writer_.drain();
    if (unwritten_ && !fenced_)
      if (auto written = co_await write_first(); !written)
        logger_.error("the catalog could not be written", {{"error", written.error().message()}});
    fenced_ = true;
    if (file_) (void)co_await file_->close();
    file_.reset();
  }

 private:
  struct Block {
    std::int64_t next;
    std::int64_t end;
  };

  Task<> write_queue() {
    while (!queue_.empty()) {
      const auto group = std::exchange(queue_, {});
      auto after = std::make_shared<Catalog>(*current_);
      std::vector<CatalogChange> applied;
      std::vector<CommitOutcome> outcomes;
      for (const auto& waiting : group) {
        CommitOutcome outcome;
        for (const auto& change : waiting->changes) {
          auto ok = after->apply(change);
          outcome.faults.push_back(ok ? Error{} : ok.error());
          if (ok) applied.push_back(change);
        }
        outcomes.push_back(std::move(outcome));
      }
      Result<> written;
      if (fenced_ || closing_)
        written = fail(CatalogErrc::fenced, catalog_path);
      else if (!applied.empty())
        written = co_await write(std::move(applied), *after);
      if (written) publish(std::move(after));
      for (std::size_t i = 0; i < group.size(); ++i) {
        outcomes[i].after = current_;
        if (written)
          group[i]->result.emplace(std::move(outcomes[i]));
        else
          group[i]->result.emplace(std::unexpected(written.error()));
        group[i]->done.notify();
      }
    }
  }

  // What opening an empty directory put off. The format comes first: without a catalog beside it
  // the directory still counts as new.
  Task<Result<>> write_first() {
    auto written = co_await write_format(files_, format_);
    if (!written) co_return written;
    CatalogImage image;
    image.catalog = *current_;
    written = co_await write_catalog(files_, image);
    if (!written) co_return written;
    next_sequence_ = image.next_sequence;
    size_ = image.good_size;
    unwritten_ = false;
    co_return co_await open_file();
  }

  Task<Result<>> write(std::vector<CatalogChange> applied, const Catalog& after) {
    Result<> written;
    if (unwritten_) written = co_await write_first();
    const auto frame = encode_frame(FrameKind::changes, next_sequence_, applied);
    if (written) written = co_await file_->write(frame, size_, storage::Durability::durable);
    if (written) {
      size_ += frame.size();
      ++next_sequence_;
      if (size_ > rewrite_size && size_ > rewrite_growth * snapshot_size_)
        written = co_await rewrite(after);
    }
    if (!written) {
      fenced_ = true;
      logger_.error("catalog write failed; no change is accepted until a restart",
                    {{"file", catalog_path}, {"error", written.error().message()}});
      co_return in_file(written.error(), catalog_path);
    }
    co_return written;
  }

  Task<Result<>> rewrite(const Catalog& after) {
    const auto frame =
        encode_frame(FrameKind::snapshot, next_sequence_ - 1, snapshot_changes(after));
    auto closed = co_await file_->close();
    if (!closed) co_return closed;
    auto written = co_await write_whole(files_, catalog_path, frame);
    if (!written) co_return written;
    size_ = frame.size();
    snapshot_size_ = frame.size();
    co_return co_await open_file();
  }

  void publish(std::shared_ptr<const Catalog> after) {
    if (after->version() == current_->version()) return;
    current_ = std::move(after);
    for (const auto& listener : listeners_) listener(current_);
  }

  storage::FileSystem& files_;
  Logger& logger_;
  bool unwritten_;    // neither format nor catalog are on disk
  TaskGroup writer_;  // at most one task
  FormatFile format_;
  std::unique_ptr<storage::File> file_;
  std::uint64_t next_sequence_;
  std::size_t size_;
  std::size_t snapshot_size_ = 0;
  std::int64_t reserved_;  // producer ids below are in a block
  std::deque<Block> ids_;
  CatalogSnapshot current_;
  std::deque<std::shared_ptr<Waiting>> queue_;
  std::vector<std::function<void(CatalogSnapshot)>> listeners_;
  bool fenced_ = false;
  bool closing_ = false;
};

// What the cut-off end of a write left is kept for a person to look at, then the file is rewritten.
Task<Result<>> cut_tail(storage::FileSystem& files, Logger& logger, std::vector<std::byte> bytes,
                        CatalogImage& image) {
  const std::string kept = std::string(catalog_path) + ".torn-" + std::to_string(image.good_size);
  auto saved = co_await write_whole(files, kept, Bytes(bytes).subspan(image.good_size));
  if (!saved) co_return saved;
  const auto frame =
      encode_frame(FrameKind::snapshot, image.next_sequence - 1, snapshot_changes(image.catalog));
  auto written = co_await write_whole(files, catalog_path, frame);
  if (!written) co_return written;
  logger.warn("the catalog ended in an unfinished write; it was cut off and kept",
              {{"file", catalog_path},
               {"offset", image.good_size},
               {"bytes", bytes.size() - image.good_size},
               {"kept", kept}});
  image.good_size = frame.size();
  image.torn = false;
  co_return Result<>{};
}

// What is read may not be on the disk: if the write of the last frame, or the sync of the name,
// failed, it is shown all the same, and a later sync would report success for it. So both are done
// once more before anything is built on them; earlier frames were durable before the last was
// begun.
Task<Result<>> make_durable(storage::FileSystem& files, Bytes bytes, const CatalogImage& image) {
  const storage::OpenOptions options{storage::OpenMode::read_write};
  auto file = co_await files.open(catalog_path, options);
  if (!file) co_return std::unexpected(file.error());
  auto done = co_await (*file)->write(bytes.subspan(image.last_frame), image.last_frame,
                                      storage::Durability::durable);
  auto closed = co_await (*file)->close();
  if (!done) co_return done;
  if (!closed) co_return closed;
  co_return co_await files.sync_directory(meta_directory);
}

Task<Result<CatalogImage>> load_catalog(storage::FileSystem& files, Logger& logger) {
  auto bytes = co_await read_whole(files, catalog_path);
  if (!bytes) co_return std::unexpected(bytes.error());
  auto image = read_catalog(*bytes);
  if (!image) co_return in_file(image.error(), catalog_path);
  if (image->torn) {
    auto cut = co_await cut_tail(files, logger, std::move(*bytes), *image);
    if (!cut) co_return std::unexpected(cut.error());
  } else {
    auto kept = co_await make_durable(files, *bytes, *image);
    if (!kept) co_return std::unexpected(kept.error());
  }
  co_return image;
}

// Not on disk yet: good_size is 0.
Task<Result<CatalogImage>> new_catalog(storage::FileSystem& files, Clock& clock, Logger& logger) {
  auto rebuilt = co_await rebuild_catalog(files, clock, logger);
  if (!rebuilt) co_return std::unexpected(rebuilt.error());
  CatalogImage image;
  image.catalog = std::move(*rebuilt);
  co_return image;
}

FormatFile new_format(Random& random, Clock& clock) {
  FormatFile format;
  format.cluster_id = random_uuid(random).to_string();
  format.hash_secret = random_uuid(random).octets;
  format.created_ms = clock.wall_ms();
  return format;
}

}  // namespace

Task<Result<std::optional<FormatFile>>> read_format(storage::FileSystem& files) {
  auto bytes = co_await read_whole(files, format_path);
  if (!bytes && bytes.error().code == std::errc::no_such_file_or_directory) co_return std::nullopt;
  if (!bytes) co_return std::unexpected(bytes.error());
  auto format = parse_format(as_text(*bytes));
  if (!format) co_return in_file(format.error(), format_path);
  co_return std::move(*format);
}

Task<Result<std::unique_ptr<CatalogStore>>> CatalogStore::open(storage::FileSystem& files,
                                                               Random& random, Clock& clock,
                                                               Logger& logger) {
  // The format is read first, so that a newer directory is refused before anything is written.
  auto found = co_await read_format(files);
  if (!found) co_return std::unexpected(found.error());
  const bool has_format = found->has_value();
  FormatFile format = has_format ? std::move(**found) : new_format(random, clock);

  auto has_catalog = co_await files.exists(catalog_path);
  if (!has_catalog) co_return std::unexpected(has_catalog.error());
  Result<CatalogImage> image;
  if (*has_catalog)
    image = co_await load_catalog(files, logger);
  else
    image = co_await new_catalog(files, clock, logger);
  if (!image) co_return std::unexpected(image.error());
  // An empty directory is given its files by the first commit, or at close: opening it waits for no
  // disk.
  const bool is_new = !has_format && !*has_catalog && image->catalog.topics().empty();
  if (!is_new && !has_format) {
    auto written = co_await write_format(files, format);
    if (!written) co_return std::unexpected(written.error());
  }
  if (!is_new && !*has_catalog) {
    auto written = co_await write_catalog(files, *image);
    if (!written) co_return std::unexpected(written.error());
  }

  const Executor executor = co_await asio::this_coro::executor;
  auto store = std::make_unique<FileCatalogStore>(files, logger, executor, std::move(format),
                                                  std::move(*image));
  auto opened = co_await store->open_file();
  if (!opened) co_return std::unexpected(opened.error());
  co_return made(std::move(store));
}

}  // namespace sluice::broker
