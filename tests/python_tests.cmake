# Python tests (unittest, Debian's interpreter, because the client packages are Debian's).
# sluice_python_test(NAME FILE LABEL TIMEOUT [CLASS]): one ctest entry; exit code 77 means skipped.
set(SLUICE_PYTHON /usr/bin/python3 CACHE FILEPATH "Python that has Debian's Kafka client packages")
function(sluice_python_test name file label timeout)
  add_test(NAME ${name} COMMAND ${SLUICE_PYTHON} ${file} ${ARGN}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "SLUICE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PYTHONDONTWRITEBYTECODE=1")
endfunction()

sluice_python_test(tidy_test tools/tidy_test.py tools 60)
