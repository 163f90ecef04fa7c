# cmake --install: libraries, public headers, programs, and what finds them again. Everything is
# found from where it lies, so the tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(names client)
if(TARGET sluice_broker_shared)
  list(APPEND names broker)
endif()
list(TRANSFORM names REPLACE "(.+)" "sluice_\\1_shared" OUTPUT_VARIABLE shared)
list(TRANSFORM names REPLACE "(.+)" "sluice_\\1_static" OUTPUT_VARIABLE static)
install(TARGETS ${shared} EXPORT sluiceTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ${static} EXPORT sluiceStaticTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/include/sluice
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
if(SLUICE_PROGRAMS)
  install(TARGETS sluiced sluice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# What the archives need besides, by the names of pkg-config.
set(sluice_modules liblz4 libzstd)
set(client_requires "zlib snappy liblz4 libzstd")
set(client_about "Client for sluice and Apache Kafka")
if(SLUICE_BROKER)
  list(APPEND sluice_modules liburing libxxhash)
  set(broker_requires "${client_requires} liburing libxxhash")
  set(broker_about "An event log inside the program, and its client")
endif()

# find_package(sluice CONFIG)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
install(EXPORT sluiceTargets NAMESPACE sluice:: DESTINATION ${package})
install(EXPORT sluiceStaticTargets NAMESPACE sluice:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sluiceConfig.cmake.in
  ${PROJECT_BINARY_DIR}/sluiceConfig.cmake INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sluiceConfig.cmake
  ${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake DESTINATION ${package})

# pkg-config: sluice-client.pc and sluice.pc; the prefix is found from where the file lies.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" up "${up}")
foreach(name IN LISTS names)
  get_target_property(output sluice_${name}_shared OUTPUT_NAME)
  string(REPLACE "_" "-" file ${output})
  set(requires ${${name}_requires})
  set(about ${${name}_about})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/sluice.pc.in ${PROJECT_BINARY_DIR}/${file}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${file}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
