#include "broker/share/share_sessions.hpp"

#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

protocol::ShareFetchRequest opening(std::string_view member) {
  protocol::ShareFetchRequest request;
  request.group_id = "group";
  request.member_id = member;
  return request;
}

TEST(ShareSessionsTest, places_are_counted_over_connections_and_freed_with_their_sessions) {
  ShareSessionPlaces places;
  ShareSessions one, other;
  EXPECT_EQ(one.begin(opening("a"), 1, places, 2).error, ErrorCode::none);
  EXPECT_EQ(other.begin(opening("b"), 2, places, 2).error, ErrorCode::none);
  EXPECT_EQ(other.begin(opening("c"), 3, places, 2).error, ErrorCode::share_session_limit_reached);
  {
    const auto again = one.begin(opening("a"), 4, places, 2);  // takes its own place
    EXPECT_EQ(again.error, ErrorCode::none);
    EXPECT_EQ(again.replaced.size(), 1u);
  }
  EXPECT_EQ(other.begin(opening("c"), 5, places, 2).error, ErrorCode::share_session_limit_reached);
  one.take_all();
  EXPECT_EQ(other.begin(opening("c"), 6, places, 2).error, ErrorCode::none);
}

}  // namespace
}  // namespace sluice::broker
