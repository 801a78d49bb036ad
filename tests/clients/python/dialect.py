"""SQLAlchemy with its libSQL dialect: the mapper, the core, transactions and errors."""

from sqlalchemy import Column, ForeignKey, Integer, Float, String
from sqlalchemy import create_engine, func, inspect, select, text
from sqlalchemy.orm import Session, declarative_base, relationship

from check import QUERIES, URL, VALUES_32, direct, done, fails

engine = create_engine(f"sqlite+libsql://{URL.removeprefix('http://')}", connect_args={"auth_token": ""})

with engine.connect() as connection:
    for sql in QUERIES:
        rows = [tuple(row) for row in connection.exec_driver_sql(sql)]
        assert rows == direct.execute(sql).fetchall(), sql
    for value in VALUES_32:
        assert connection.execute(text("SELECT :v"), {"v": value}).scalar() == value
    assert "Artist" in inspect(connection).get_table_names()
    columns = inspect(connection).get_columns("Album")
    assert [column["name"] for column in columns] == ["AlbumId", "Title", "ArtistId"], columns

Base = declarative_base()


class Shelf(Base):
    __tablename__ = "shelf"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False, unique=True)
    books = relationship("Book", back_populates="shelf", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id = Column(Integer, primary_key=True)
    title = Column(String)
    weight = Column(Float)
    shelf_id = Column(Integer, ForeignKey("shelf.id"))
    shelf = relationship("Shelf", back_populates="books")


Base.metadata.create_all(engine)
Base.metadata.create_all(engine)

with Session(engine) as session:
    shelf = Shelf(name="upper", books=[Book(title=f"b{i}", weight=i / 2) for i in range(5)])
    session.add(shelf)
    session.commit()
    shelf.books[0].title = "changed"
    session.delete(shelf.books[4])
    session.commit()

with Session(engine) as session:
    shelf = session.scalars(select(Shelf).where(Shelf.name == "upper")).one()
    found = [(book.title, book.weight) for book in shelf.books]
    assert found == [("changed", 0.0), ("b1", 0.5), ("b2", 1.0), ("b3", 1.5)]
    assert session.scalar(select(func.sum(Book.weight))) == 3.0
    # What is not committed is seen here, and by nobody else.
    shelf.name = "lower"
    session.flush()
    assert session.scalar(select(Shelf.name)) == "lower"
    assert direct.execute("SELECT name FROM shelf").fetchone() == ("upper",)
    session.rollback()
    assert session.scalar(select(Shelf.name)) == "upper"

with Session(engine) as session:
    session.add(Shelf(name="upper"))
    fails(session.commit, "UNIQUE constraint failed: shelf.name")
    session.rollback()
    session.add(Book(title="orphan", shelf_id=999))
    fails(session.commit, "FOREIGN KEY constraint failed")
    session.rollback()
    # The driver begins a transaction at the first write, and only there.
    session.add(Shelf(name="kept"))
    session.flush()
    with session.begin_nested():
        session.add(Shelf(name="kept too"))
    try:
        with session.begin_nested():
            session.add(Shelf(name="dropped"))
            session.flush()
            raise KeyError
    except KeyError:
        pass
    session.commit()

names = [name for (name,) in direct.execute("SELECT name FROM shelf ORDER BY id")]
assert names == ["upper", "kept", "kept too"], names
with engine.connect() as connection:
    fails(lambda: connection.execute(text("SELECT * FROM missing")), "no such table: missing")

done("queries, the mapper, transactions and errors")
