# Python tests (unittest, Debian's interpreter, because the client packages are Debian's).
# sluice_python_test(NAME FILE LABEL TIMEOUT [ARGUMENTS...]): one ctest entry, run in tests/.
set(SLUICE_PYTHON /usr/bin/python3 CACHE FILEPATH "Python that has Debian's Kafka client packages")
set(SLUICE_PYTHON_TESTS ${CMAKE_CURRENT_LIST_DIR})
function(sluice_python_test name file label timeout)
  add_test(NAME ${name} COMMAND ${SLUICE_PYTHON} ${file} ${ARGN}
    WORKING_DIRECTORY ${SLUICE_PYTHON_TESTS})
  math(EXPR seconds "${timeout} * ${SLUICE_TEST_TIME_FACTOR}")
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds}
    ENVIRONMENT "SLUICE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};SLUICE_BUILD=${PROJECT_BINARY_DIR};\
PYTHONDONTWRITEBYTECODE=1")
endfunction()

sluice_python_test(tidy_test tools/tidy_test.py tools 60)
sluice_python_test(bench_test tools/bench_test.py tools 60)
sluice_python_test(docs_test tools/docs_test.py tools 60)
sluice_python_test(readme tools/readme_test.py conformance 120)
sluice_python_test(tidy ${PROJECT_SOURCE_DIR}/tools/dev/tidy.py tools 60)
foreach(class IN ITEMS SagaTest OutboxTest FallbackTest QueueWorkerTest PythonTest EmbeddingTest)
  sluice_python_test(examples.${class} examples/examples_test.py examples 200 ${class})
endforeach()
# A library that wants a sanitizer's runtime cannot be linked by projects that know nothing of it.
if(NOT SLUICE_SANITIZE)
  sluice_python_test(package package/package_test.py package 600)
  sluice_python_test(deb package/deb_test.py package 300)
  sluice_python_test(tarball package/tarball_test.py package 1500)
endif()
add_subdirectory(conformance)
add_subdirectory(crash)
