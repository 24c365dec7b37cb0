@echo off
rem Runs NiN4J on Windows as nin does elsewhere. It builds where there is no jar: after a change, delete
rem target\nin4j.jar. In a folder of make dist it lies in bin and takes the Java that came along.
rem What nin does besides has no meaning on Windows: huge pages, a locale, GNU's OpenMP.
setlocal EnableExtensions DisableDelayedExpansion
set "folder=%~dp0"
set "jar=%folder%target\nin4j.jar"
set "libraries=%folder%target\lib"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
if exist "%folder%..\lib\nin4j.jar" (
  set "jar=%folder%..\lib\nin4j.jar"
  set "libraries=%folder%..\lib"
  set "java=%folder%..\runtime\bin\java"
  set "JAVA_HOME=%folder%..\runtime"
)
set "install=install a JDK from 17 on, and Maven"

rem The folder of Java, which says its version.
set "runtime=%JAVA_HOME%"
if not defined runtime for /f "delims=" %%j in ('where java 2^>nul') do if not defined runtime set "runtime=%%~dpj.."
if not exist "%runtime%\bin\java.exe" goto no_java

if not exist "%jar%" (
  where mvn >nul 2>nul || (
    echo nin: it must be built, and mvn is not on the PATH; %install%>&2
    exit /b 1
  )
  echo nin: building>&2
  pushd "%folder%"
  call mvn -q -B -ntp -DskipTests package >&2 || (
    popd
    echo nin: the build failed; its output is above>&2
    exit /b 1
  )
  popd
)

rem OpenMP reads its number of threads when it is loaded. Both --threads 2 and --threads=2 are two words here.
if defined OMP_NUM_THREADS goto threads_set
set "cores=%NUMBER_OF_PROCESSORS%"
set "OMP_NUM_THREADS=%cores%"
call :options %*
:threads_set

rem With these OpenMP may start fewer threads than oneDNN waits for, or all of them on one core.
for %%n in (OMP_DYNAMIC OMP_THREAD_LIMIT OMP_MAX_ACTIVE_LEVELS OMP_PROC_BIND OMP_PLACES) do call :leave %%n

rem Threads that wait leave their core soon, in milliseconds.
if not defined KMP_BLOCKTIME set "KMP_BLOCKTIME=1"

rem Protobuf, which writes ONNX files, makes Java warn from 24 on; older ones do not know the flag.
set "version=0"
for /f tokens^=2^ delims^=^"^=. %%v in ('findstr /b "JAVA_VERSION=" "%runtime%\release" 2^>nul') do set "version=%%v"
set "unsafe="
if %version% geq 24 set "unsafe=--sun-misc-unsafe-memory-access=allow"

rem What is printed is UTF-8; the console's own code page comes back afterwards. Without jdk.console Java
rem from 22 on takes a file for a terminal.
set "page="
for /f "tokens=2 delims=:." %%c in ('chcp 2^>nul') do set "page=%%c"
chcp 65001 >nul 2>nul
"%java%" -XX:+UseSerialGC -Djava.awt.headless=true -Djdk.console=java.base "-Dnin4j.command=%~f0" --enable-native-access=ALL-UNNAMED %unsafe% %NIN_JAVA_FLAGS% -cp "%jar%;%libraries%\*" org.nin4j.cli.Main %*
set "code=%ERRORLEVEL%"
if defined page chcp %page% >nul 2>nul
exit /b %code%

:no_java
echo nin: there is no %java%; %install%>&2
exit /b 1

:options
if "%~1"=="" exit /b 0
if "%~1"=="--threads" call :threads %2
shift
goto options

:threads
set /a "asked=%~1" 2>nul || exit /b 0
if %asked% geq 1 if %asked% lss %cores% set "OMP_NUM_THREADS=%asked%"
exit /b 0

:leave
if not defined %1 exit /b 0
call set "value=%%%1%%"
set "%1="
if /i not "%value%"=="false" echo nin: %1=%value% is left aside: oneDNN needs all its threads, on all cores>&2
exit /b 0
