// Admin with Asio's completion tokens; see sluice/async.hpp for executors, cancellation, lifetimes.
//
//   auto made = co_await async_create_topic(admin, topic, Commit::yes, deadline,
//                                           asio::use_awaitable);
#pragma once

#include "sluice/admin.hpp"
#include "sluice/async.hpp"

#include <map>
#include <string>
#include <vector>

namespace sluice {

template <class Token>
auto async_cluster(Admin& admin, Deadline deadline, Token&& token) {
  return detail::initiate<ClusterInfo>(
      std::forward<Token>(token), deadline,
      [&admin](Done<ClusterInfo> done, const Deadline& until) { admin.cluster(done, until); });
}

template <class Token>
auto async_topics(Admin& admin, Deadline deadline, Token&& token) {
  return detail::initiate<std::vector<TopicInfo>>(
      std::forward<Token>(token), deadline,
      [&admin](Done<std::vector<TopicInfo>> done, const Deadline& until) {
        admin.topics(done, until);
      });
}

template <class Token>
auto async_topics(Admin& admin, const std::vector<std::string>& names, Deadline deadline,
                  Token&& token) {
  return detail::initiate<std::vector<TopicInfo>>(
      std::forward<Token>(token), deadline,
      [&admin, &names](Done<std::vector<TopicInfo>> done, const Deadline& until) {
        admin.topics(names, done, until);
      });
}

template <class Token>
auto async_create_topic(Admin& admin, const NewTopic& topic, Commit commit, Deadline deadline,
                        Token&& token) {
  return detail::initiate<void>(std::forward<Token>(token), deadline,
                                [&admin, &topic, commit](Done<> done, const Deadline& until) {
                                  admin.create_topic(topic, commit, done, until);
                                });
}

template <class Token>
auto async_delete_topic(Admin& admin, const std::string& name, Deadline deadline, Token&& token) {
  return detail::initiate<void>(std::forward<Token>(token), deadline,
                                [&admin, &name](Done<> done, const Deadline& until) {
                                  admin.delete_topic(name, done, until);
                                });
}

template <class Token>
auto async_create_partitions(Admin& admin, const std::string& topic, std::int32_t total,
                             Commit commit, Deadline deadline, Token&& token) {
  return detail::initiate<void>(
      std::forward<Token>(token), deadline,
      [&admin, &topic, total, commit](Done<> done, const Deadline& until) {
        admin.create_partitions(topic, total, commit, done, until);
      });
}

template <class Token>
auto async_configs(Admin& admin, const Resource& resource, Deadline deadline, Token&& token) {
  return detail::initiate<std::vector<ConfigEntry>>(
      std::forward<Token>(token), deadline,
      [&admin, &resource](Done<std::vector<ConfigEntry>> done, const Deadline& until) {
        admin.configs(resource, done, until);
      });
}

template <class Token>
auto async_alter_configs(Admin& admin, const Resource& resource,
                         const std::vector<ConfigSetting>& settings, Commit commit,
                         Deadline deadline, Token&& token) {
  return detail::initiate<void>(
      std::forward<Token>(token), deadline,
      [&admin, &resource, &settings, commit](Done<> done, const Deadline& until) {
        admin.alter_configs(resource, settings, commit, done, until);
      });
}

template <class Token>
auto async_sizes(Admin& admin, Deadline deadline, Token&& token) {
  return detail::initiate<Admin::Sizes>(
      std::forward<Token>(token), deadline,
      [&admin](Done<Admin::Sizes> done, const Deadline& until) { admin.sizes(done, until); });
}

template <class Token>
auto async_log_directories(Admin& admin, Deadline deadline, Token&& token) {
  return detail::initiate<std::vector<LogDirectory>>(
      std::forward<Token>(token), deadline,
      [&admin](Done<std::vector<LogDirectory>> done, const Deadline& until) {
        admin.log_directories(done, until);
      });
}

template <class Token>
auto async_offsets(Admin& admin, const std::map<TopicPartition, std::int64_t>& at,
                   Deadline deadline, Token&& token) {
  return detail::initiate<Admin::FoundOffsets>(
      std::forward<Token>(token), deadline,
      [&admin, &at](Done<Admin::FoundOffsets> done, const Deadline& until) {
        admin.offsets(at, done, until);
      });
}

template <class Token>
auto async_delete_records(Admin& admin, const Admin::Offsets& before, Deadline deadline,
                          Token&& token) {
  return detail::initiate<Admin::Offsets>(
      std::forward<Token>(token), deadline,
      [&admin, &before](Done<Admin::Offsets> done, const Deadline& until) {
        admin.delete_records(before, done, until);
      });
}

template <class Token>
auto async_groups(Admin& admin, Deadline deadline, Token&& token) {
  return detail::initiate<std::vector<GroupListing>>(
      std::forward<Token>(token), deadline,
      [&admin](Done<std::vector<GroupListing>> done, const Deadline& until) {
        admin.groups(done, until);
      });
}

template <class Token>
auto async_describe_group(Admin& admin, const std::string& id, Deadline deadline, Token&& token) {
  return detail::initiate<GroupDescription>(
      std::forward<Token>(token), deadline,
      [&admin, &id](Done<GroupDescription> done, const Deadline& until) {
        admin.describe_group(id, done, until);
      });
}

template <class Token>
auto async_group_offsets(Admin& admin, const std::string& id, Deadline deadline, Token&& token) {
  return detail::initiate<Admin::GroupOffsets>(
      std::forward<Token>(token), deadline,
      [&admin, &id](Done<Admin::GroupOffsets> done, const Deadline& until) {
        admin.group_offsets(id, done, until);
      });
}

template <class Token>
auto async_alter_group_offsets(Admin& admin, const std::string& id,
                               const Admin::GroupOffsets& offsets, Deadline deadline,
                               Token&& token) {
  return detail::initiate<void>(std::forward<Token>(token), deadline,
                                [&admin, &id, &offsets](Done<> done, const Deadline& until) {
                                  admin.alter_group_offsets(id, offsets, done, until);
                                });
}

template <class Token>
auto async_delete_group(Admin& admin, const std::string& id, Deadline deadline, Token&& token) {
  return detail::initiate<void>(
      std::forward<Token>(token), deadline,
      [&admin, &id](Done<> done, const Deadline& until) { admin.delete_group(id, done, until); });
}

template <class Token>
auto async_describe_queue(Admin& admin, const std::string& group,
                          const std::vector<std::string>& topics, std::int32_t ranges_max,
                          Deadline deadline, Token&& token) {
  return detail::initiate<std::vector<QueuePartition>>(
      std::forward<Token>(token), deadline,
      [&admin, &group, &topics, ranges_max](Done<std::vector<QueuePartition>> done,
                                            const Deadline& until) {
        admin.describe_queue(group, topics, ranges_max, done, until);
      });
}

template <class Token>
auto async_alter_queue(Admin& admin, const std::string& group, const QueueChange& change,
                       Deadline deadline, Token&& token) {
  return detail::initiate<std::int64_t>(
      std::forward<Token>(token), deadline,
      [&admin, &group, &change](Done<std::int64_t> done, const Deadline& until) {
        admin.alter_queue(group, change, done, until);
      });
}

template <class Token>
auto async_schedules(Admin& admin, const ScheduleFilter& filter, std::int32_t limit,
                     const std::optional<std::string>& cursor, Deadline deadline, Token&& token) {
  return detail::initiate<SchedulePage>(
      std::forward<Token>(token), deadline,
      [&admin, &filter, limit, &cursor](Done<SchedulePage> done, const Deadline& until) {
        admin.schedules(filter, limit, cursor, done, until);
      });
}

// `which`: ids, or a ScheduleFilter.
template <class Which, class Token>
auto async_cancel_schedules(Admin& admin, const Which& which, Deadline deadline, Token&& token) {
  return detail::initiate<std::int64_t>(
      std::forward<Token>(token), deadline,
      [&admin, &which](Done<std::int64_t> done, const Deadline& until) {
        admin.cancel_schedules(which, done, until);
      });
}

}  // namespace sluice
