# The Debian package `sluice`: programs, systemd unit, configuration, what the system's user is.
# `cpack -G DEB` in the build directory, or ./dev package. These files belong to the component
# `system`, which cmake --install leaves out: they have fixed places.
include(SluicePackageFiles)
set(system_files COMPONENT system EXCLUDE_FROM_ALL)
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(SLUICE_MAINTAINER_MAIL "sluice@sluice.example" CACHE STRING
  "Who answers for the package")

sluice_example_configuration(${package_files}/sluice.toml --data /var/lib/sluice)
# Debian wants its change log compressed without a time stamp.
configure_file(${packaging}/debian/changelog.in ${package_files}/changelog @ONLY)
add_custom_command(OUTPUT ${package_files}/changelog.gz
  COMMAND ${GZIP} -9nkf ${package_files}/changelog
  DEPENDS ${package_files}/changelog VERBATIM)
add_custom_target(package_files ALL DEPENDS ${package_files}/sluice.toml
  ${package_files}/changelog.gz ${package_files}/man.stamp ${completions})

install(TARGETS sluiced sluice RUNTIME DESTINATION /usr/bin ${system_files})
install(FILES ${package_files}/sluice.toml DESTINATION /etc/sluice ${system_files})
install(FILES ${packaging}/sluice.service DESTINATION /lib/systemd/system ${system_files})
install(FILES ${packaging}/sluice.sysusers DESTINATION /usr/lib/sysusers.d RENAME sluice.conf
  ${system_files})
install(FILES ${package_files}/changelog.gz ${packaging}/debian/copyright ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  ${PROJECT_SOURCE_DIR}/docs/configuration.md ${PROJECT_SOURCE_DIR}/docs/guarantees.md
  DESTINATION /usr/share/doc/sluice ${system_files})
sluice_shell_files(/usr/ ${system_files})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_CONTACT "The sluice authors <${SLUICE_MAINTAINER_MAIL}>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "event log for services that speaks Kafka's protocol")
set(CPACK_PACKAGE_DESCRIPTION "sluiced keeps records in durable logs and serves them to unmodified Kafka
clients: topics, consumer groups, share groups, scheduled delivery.
A record is acknowledged when it is on disk. sluice is its tool.")
set(CPACK_COMPONENTS_ALL system)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${packaging}/debian/postinst ${packaging}/debian/prerm
  ${packaging}/debian/postrm ${packaging}/debian/conffiles)
include(CPack)
