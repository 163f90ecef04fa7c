// The C interface where it needs no broker: settings, errors, handles that could not be opened.
#include "client/c/handles.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

TEST(Settings, AreKafkasNames) {
  sluice::ConsumerOptions options;
  const auto read = sluice::c::read_settings(
      options,
      "group.id=mail\nauto.offset.reset=earliest\nenable.auto.commit=false\n"
      "session.timeout.ms=6000\n\nclient.id=me");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(options.group_id, "mail");
  EXPECT_EQ(options.offset_reset, sluice::OffsetReset::earliest);
  EXPECT_FALSE(options.auto_commit);
  EXPECT_EQ(options.session_timeout, 6000ms);
  EXPECT_EQ(options.client.client_id, "me");
}

TEST(Settings, NameWhatIsWrong) {
  sluice::ProducerOptions options;
  const auto unknown = sluice::c::read_settings(options, "linger.ms=5\nno.such=1");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("no.such"), std::string::npos);
  const auto wrong = sluice::c::read_settings(options, "acks=2");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("acks cannot be \"2\""), std::string::npos);
}

TEST(Handles, TellWhyTheyCouldNotBeOpened) {
  sluice_broker* broker = nullptr;
  EXPECT_EQ(sluice_connect("127.0.0.1:port", nullptr, &broker), SLUICE_INVALID_ARGUMENT);
  ASSERT_NE(broker, nullptr);
  EXPECT_STRNE(sluice_broker_error(broker), "");
  sluice_broker_close(broker);
}

TEST(Handles, OfAProducerThatWasNotOpenedRefuseEverything) {
  sluice_broker* broker = nullptr;
  ASSERT_EQ(sluice_connect("127.0.0.1:1", "client.id=test", &broker), 0);
  sluice_producer* producer = nullptr;
  EXPECT_EQ(sluice_producer_open(broker, "acks=maybe", &producer), SLUICE_INVALID_ARGUMENT);
  EXPECT_EQ(sluice_produce(producer, "topic", nullptr, 0, "x", 1, nullptr), SLUICE_CLOSED);
  EXPECT_EQ(sluice_flush(producer, 1), SLUICE_CLOSED);
  sluice_producer_close(producer);
  sluice_producer_close(nullptr);
  sluice_broker_close(broker);
}

TEST(Handles, PollWithoutABrokerHasNothing) {
  sluice_broker* broker = nullptr;
  ASSERT_EQ(sluice_connect("127.0.0.1:1", nullptr, &broker), 0);
  sluice_consumer* consumer = nullptr;
  ASSERT_EQ(sluice_consumer_open(broker, "group.id=group", &consumer), 0)
      << sluice_consumer_error(consumer);
  ASSERT_EQ(sluice_subscribe(consumer, "one,two"), 0);
  EXPECT_EQ(sluice_poll(consumer), 0);
  EXPECT_GE(sluice_descriptor(consumer), 0);
  sluice_consumer_close(consumer);
  sluice_broker_close(broker);
}

TEST(Errors, SayWhetherToTryAgain) {
  EXPECT_EQ(sluice_retriable(0), 0);
  EXPECT_EQ(sluice_retriable(SLUICE_UNREACHABLE), 1);
  EXPECT_EQ(sluice_retriable(SLUICE_INVALID_ARGUMENT), 0);
  EXPECT_EQ(sluice_retriable(SLUICE_BROKER_ERROR - 15), 1);  // COORDINATOR_NOT_AVAILABLE
  EXPECT_EQ(sluice_retriable(SLUICE_BROKER_ERROR - 29), 0);  // TOPIC_AUTHORIZATION_FAILED
}

}  // namespace
