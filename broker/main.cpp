// sluiced: the broker server. Options, signals and exit codes live here; everything else in broker/.
int main() { return 0; }
