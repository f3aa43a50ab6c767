from zoo.testing.golden import main

raise SystemExit(main())
