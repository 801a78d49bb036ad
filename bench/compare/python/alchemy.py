"""SQLAlchemy with dogpile.cache in memory: each function that reads has a region, and whoever writes
names what becomes untrue by it. Here that is done right by hand: the user, and every total."""

from dogpile.cache import make_region
from sqlalchemy import create_engine, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    age: Mapped[int]


class Alchemy:
    name = "SQLAlchemy with dogpile.cache"

    def __init__(self, path):
        engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(engine, "connect")
        def set_up(connection, _record):
            connection.execute("PRAGMA synchronous = NORMAL")

        users = make_region().configure("dogpile.cache.memory", expiration_time=3_600)
        totals = make_region().configure("dogpile.cache.memory", expiration_time=3_600)

        @users.cache_on_arguments()
        def read(user):
            with Session(engine) as session:
                found = session.get(User, user)
                return (found.id, found.name, found.email, found.age)

        @totals.cache_on_arguments()
        def total(upto):
            with Session(engine) as session:
                return session.scalar(select(func.sum(User.age)).where(User.id <= upto))

        def write(user):
            with Session(engine) as session:
                session.execute(update(User).where(User.id == user).values(age=User.age + 1))
                session.commit()
            read.invalidate(user)
            totals.invalidate()

        self.read, self.total, self.write = read, total, write

    def close(self):
        pass
