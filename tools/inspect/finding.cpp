#include "tools/inspect/finding.hpp"

namespace sluice::inspect {

std::string_view name_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::batch:
      return "batch";
    case FindingKind::offset:
      return "offset";
    case FindingKind::epoch:
      return "epoch";
    case FindingKind::records:
      return "records";
    case FindingKind::sequence:
      return "sequence";
    case FindingKind::missing:
      return "missing";
    case FindingKind::index:
      return "index";
    case FindingKind::time_index:
      return "time-index";
    case FindingKind::seal:
      return "seal";
    case FindingKind::snapshot:
      return "snapshot";
    case FindingKind::checkpoint:
      return "checkpoint";
    case FindingKind::frontier:
      return "frontier";
  }
  return "";
}

}  // namespace sluice::inspect
